/** Encodes messages of protocol buffers, without generated code, which a Worker may not run. A message is its fields, in order. */

/** Parts of an encoded message, not joined yet, so that weights are copied once. */
export type Message = Uint8Array[];

const wireTypes = { varint: 0, bytes: 2 };
const encoder = new TextEncoder();

function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

const tag = (field: number, wire: keyof typeof wireTypes): number[] => varint((field << 3) | wireTypes[wire]);

export const integerField = (field: number, value: number): Message => [
  Uint8Array.from([...tag(field, "varint"), ...varint(value)]),
];

export const integersField = (field: number, values: readonly number[]): Message =>
  values.length === 0 ? [] : bytesField(field, Uint8Array.from(values.flatMap(varint)));

export const bytesField = (field: number, bytes: Uint8Array): Message => [
  Uint8Array.from([...tag(field, "bytes"), ...varint(bytes.length)]),
  bytes,
];

export const textField = (field: number, text: string): Message => bytesField(field, encoder.encode(text));

export function messageField(field: number, message: Message): Message {
  const length = message.reduce((sum, part) => sum + part.length, 0);
  return [Uint8Array.from([...tag(field, "bytes"), ...varint(length)]), ...message];
}
