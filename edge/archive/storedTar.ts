/** Reads a tar that lies in the bucket from its beginning to its end, a window of it in memory at a time. */

import { maxFileBytes } from "../../shared/searchArchive.ts";
import { readTarHeader, TarError, tarBlockBytes, tarPadding } from "../../shared/tar.ts";
import { hex } from "../ids.ts";
import { badArchive } from "./problem.ts";

/** Beyond what is asked for, so that small files come together. */
const aheadBytes = 64 * 1024;

export interface StoredFile {
  name: string;
  bytes: number;
  offset: number;
}

export class StoredTar {
  readonly #bucket: R2Bucket;
  readonly #key: string;
  readonly #size: number;
  #window = { offset: 0, bytes: new Uint8Array() };
  #offset = 0;
  #pending: StoredFile | null = null;

  constructor(bucket: R2Bucket, key: string, size: number) {
    this.#bucket = bucket;
    this.#key = key;
    this.#size = size;
  }

  /** The file that comes next, the same until it is taken; null at the end. */
  async peek(): Promise<StoredFile | null> {
    if (this.#pending !== null) return this.#pending;
    const entry = await this.#header();
    if (entry === null) return null;
    const offset = this.#offset + tarBlockBytes;
    if (entry.type !== "file") throw badArchive(entry.name, "is no plain file");
    if (offset + entry.bytes > this.#size) throw badArchive(entry.name, "is cut short");
    this.#pending = { name: entry.name, bytes: entry.bytes, offset };
    return this.#pending;
  }

  /** The file that comes next, if it has this name. */
  async take(name: string): Promise<StoredFile> {
    const file = await this.peek();
    if (file?.name !== name)
      throw badArchive(name, file === null ? "is missing" : `is missing; "${file.name}" stands in its place`);
    this.#pending = null;
    this.#offset = file.offset + file.bytes + tarPadding(file.bytes).length;
    return file;
  }

  /** Content and SHA-256 of a file that is no object. */
  async text(name: string): Promise<{ text: string; sha256: string }> {
    const { bytes: length, offset } = await this.take(name);
    if (length > maxFileBytes) throw badArchive(name, `has ${length} bytes, more than ${maxFileBytes}`);
    const bytes = await this.#read(offset, length);
    const sha256 = hex(await crypto.subtle.digest("SHA-256", bytes));
    try {
      return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), sha256 };
    } catch {
      throw badArchive(name, "is no text");
    }
  }

  /** Copies a file to an object of its own. Rejects where its SHA-256 is another. */
  async copy({ offset, bytes }: StoredFile, key: string, sha256: string): Promise<void> {
    if (bytes === 0) {
      await this.#bucket.put(key, new Uint8Array(), { sha256 });
      return;
    }
    const part = await this.#bucket.get(this.#key, { range: { offset, length: bytes } });
    if (part === null) throw new Error(`the archive ${this.#key} is gone`);
    const { readable, writable } = new FixedLengthStream(bytes);
    await Promise.all([part.body.pipeTo(writable), this.#bucket.put(key, readable, { sha256 })]);
  }

  async #header() {
    try {
      return readTarHeader(await this.#read(this.#offset, tarBlockBytes));
    } catch (error) {
      throw error instanceof TarError ? badArchive(null, error.message) : error;
    }
  }

  async #read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (length === 0) return new Uint8Array();
    if (offset + length > this.#size) throw badArchive(null, "it ends before its end mark");
    const start = offset - this.#window.offset;
    if (start < 0 || start + length > this.#window.bytes.length) {
      const range = { offset, length: Math.min(length + aheadBytes, this.#size - offset) };
      const part = await this.#bucket.get(this.#key, { range });
      if (part === null) throw new Error(`the archive ${this.#key} is gone`);
      this.#window = { offset, bytes: new Uint8Array(await part.arrayBuffer()) };
    }
    const from = offset - this.#window.offset;
    return this.#window.bytes.slice(from, from + length);
  }
}
