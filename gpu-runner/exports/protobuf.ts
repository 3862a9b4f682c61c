/**
 * Messages of protocol buffers by protobufjs's writer alone: what it generates from descriptions a Worker may not run. A
 * message stays in parts until it is written, so that weights are copied once.
 */

import protobuf from "protobufjs/minimal.js";

export type Message = Uint8Array[];

const wireTypes = { varint: 0, bytes: 2 };
const encoder = new TextEncoder();

const begun = (field: number, wire: keyof typeof wireTypes): protobuf.Writer =>
  protobuf.Writer.create().uint32((field << 3) | wireTypes[wire]);

export const integerField = (field: number, value: number): Message => [
  begun(field, "varint").int64(value).finish(),
];

export function integersField(field: number, values: readonly number[]): Message {
  if (values.length === 0) return [];
  const writer = begun(field, "bytes").fork();
  for (const value of values) writer.int64(value);
  return [writer.ldelim().finish()];
}

export const bytesField = (field: number, bytes: Uint8Array): Message => [
  begun(field, "bytes").uint32(bytes.length).finish(),
  bytes,
];

export const textField = (field: number, text: string): Message => bytesField(field, encoder.encode(text));

export function messageField(field: number, message: Message): Message {
  const length = message.reduce((sum, part) => sum + part.length, 0);
  return [begun(field, "bytes").uint32(length).finish(), ...message];
}
