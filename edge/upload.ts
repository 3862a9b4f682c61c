/** Large files in parts: into an R2 multipart upload, verified by SHA-256 when they are complete. */

import type { z } from "zod";
import { type blobCreateSchema, partBytes } from "../shared/protocol.ts";
import type { Env } from "./env.ts";
import { hex, newId } from "./ids.ts";
import { invalid, Problem } from "./problems.ts";
import {
  type Blob,
  type BlobPart,
  completeBlob,
  findBlob,
  insertBlob,
  isLeaseHeld,
  objectKeyOf,
  partsOf,
  pruneCheckpoints,
  removeBlobs,
  savePart,
} from "./store/blobs.ts";

/** Parts are numbered from 1, as R2 does; an empty file is one empty part. */
export const partCount = (bytes: number): number => Math.max(1, Math.ceil(bytes / partBytes));

const partSize = (bytes: number, part: number): number =>
  part < partCount(bytes) ? partBytes : bytes - (partCount(bytes) - 1) * partBytes;

async function assertLease(
  db: D1Database,
  blob: Pick<Blob, "searchId" | "trainingId" | "leaseId">,
): Promise<void> {
  const { searchId, trainingId, leaseId } = blob;
  if (!(await isLeaseHeld(db, { resource: trainingId ?? searchId, leaseId, searchId })))
    throw new Problem("lease-lost");
}

export async function createUpload(env: Env, request: z.infer<typeof blobCreateSchema>): Promise<string> {
  const { leaseId, purpose, searchId, fileName, bytes } = request;
  if (purpose === "export" && (request.trainingId === undefined || request.format === undefined))
    throw invalid([{ pointer: "/trainingId", detail: "an export needs trainingId and format" }]);
  if (purpose === "checkpoint" && request.round === undefined)
    throw invalid([{ pointer: "/round", detail: "a checkpoint needs the round or step it holds" }]);
  const trainingId = request.trainingId ?? null;
  await assertLease(env.DB, { searchId, trainingId, leaseId });
  const id = newId();
  const objectKey = objectKeyOf(searchId, id);
  const { uploadId } = await env.BUCKET.createMultipartUpload(objectKey);
  await insertBlob(env.DB, {
    id,
    searchId,
    trainingId,
    leaseId,
    purpose,
    round: request.round ?? null,
    format: request.format ?? null,
    fileName,
    bytes,
    sha256: null,
    objectKey,
    uploadId,
    createdAt: Date.now(),
  });
  return id;
}

async function openBlob(db: D1Database, id: string): Promise<Blob> {
  const blob = await findBlob(db, id);
  if (blob === null) throw new Problem("not-found");
  if (blob.sha256 === null) await assertLease(db, blob);
  return blob;
}

export async function putPart(env: Env, id: string, part: number, request: Request): Promise<void> {
  const blob = await openBlob(env.DB, id);
  if (blob.sha256 !== null) throw new Problem("upload-incomplete", "The upload was completed already.");
  await storePart(env, blob, part, request);
}

/** Stores one part of a blob whose upload is open. */
export async function storePart(env: Env, blob: Blob, part: number, request: Request): Promise<void> {
  const size = partSize(blob.bytes, part);
  const sent = Number(request.headers.get("content-length") ?? Number.NaN);
  if (part > partCount(blob.bytes) || sent !== size)
    throw new Problem(
      "part-size",
      `Part ${part} of ${partCount(blob.bytes)} must have ${size} bytes; content-length says ${sent}.`,
    );
  const upload = env.BUCKET.resumeMultipartUpload(blob.objectKey, blob.uploadId);
  const { etag } = await upload.uploadPart(
    part,
    size === 0 || request.body === null ? new Uint8Array() : request.body,
  );
  await savePart(env.DB, { blobId: blob.id, part, etag });
}

/** The parts of a blob. @throws Problem where some have not arrived */
export async function allParts(db: D1Database, { id, bytes }: Blob): Promise<BlobPart[]> {
  const parts = await partsOf(db, id);
  if (parts.length === partCount(bytes)) return parts;
  throw new Problem("upload-incomplete", `${parts.length} of ${partCount(bytes)} parts have arrived.`);
}

/** Makes one object of the parts. */
export async function assemble(env: Env, blob: Blob, parts: readonly BlobPart[]): Promise<void> {
  await env.BUCKET.resumeMultipartUpload(blob.objectKey, blob.uploadId).complete(
    parts.map(({ part, etag }) => ({ partNumber: part, etag })),
  );
}

/** Puts the parts together and reads the result back; what does not match is deleted. */
export async function completeUpload(env: Env, id: string, leaseId: string, sha256: string): Promise<void> {
  const blob = await openBlob(env.DB, id);
  if (blob.leaseId !== leaseId) throw new Problem("lease-lost");
  if (blob.sha256 === sha256) return;
  if (blob.sha256 !== null)
    throw new Problem("upload-incomplete", "The upload was completed already, with another checksum.");
  await assemble(env, blob, await allParts(env.DB, blob));
  if ((await storedDigest(env, blob.objectKey)) !== sha256) {
    await removeBlobs(env, [{ ...blob, sha256 }]);
    throw new Problem("checksum-mismatch");
  }
  await completeBlob(env.DB, blob, sha256);
  if (blob.purpose === "checkpoint") await pruneCheckpoints(env, blob);
}

async function storedDigest(env: Env, objectKey: string): Promise<string | null> {
  const object = await env.BUCKET.get(objectKey);
  if (object === null) return null;
  const digest = new crypto.DigestStream("SHA-256");
  await object.body.pipeTo(digest);
  return hex(await digest.digest);
}

/** The bytes of a complete blob as a download. */
export async function download(env: Env, { sha256, objectKey, fileName }: Blob): Promise<Response> {
  if (sha256 === null) throw new Problem("not-found");
  return storedObject(env, { objectKey, sha256, fileName });
}

/** The bytes of an object with their checksum (RFC 9530). */
export async function storedObject(
  env: Env,
  { objectKey, sha256, fileName }: { objectKey: string; sha256: string; fileName: string },
): Promise<Response> {
  const object = await env.BUCKET.get(objectKey);
  if (object === null) throw new Problem("not-found");
  const bytes = Uint8Array.from(sha256.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return new Response(object.body, {
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(object.size),
      "content-disposition": `attachment; filename="${fileName.replace(/[^\w.-]/g, "_")}"`,
      "repr-digest": `sha-256=:${btoa(String.fromCharCode(...bytes))}:`,
      etag: `"${sha256}"`,
    },
  });
}
