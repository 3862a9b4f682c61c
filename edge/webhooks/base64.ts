/** Bytes as base64 and back. */

export const textOf = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
