/** Reading a multipart/x-mixed-replace answer part by part, as it comes. */

/** A header block or a picture larger than this is not what a camera sends. */
const MAX_PART = 16_000_000;
const HEADER_END = [13, 10, 13, 10];

/**
 * The parts of an endless answer. Each must have a Content-Length: the end of a picture is then known without
 * looking for the boundary in its bytes, and without waiting for the picture that follows.
 * @param {Response} response
 * @returns {AsyncGenerator<{headers: Headers, body: Uint8Array<ArrayBuffer>}>}
 */
export async function* readParts(response) {
  if (response.body === null) return;
  const reader = response.body.getReader();
  let buffer = new Uint8Array(0);
  try {
    for (;;) {
      const part = takePart(buffer);
      if (part !== null) {
        buffer = part.rest;
        yield part;
        continue;
      }
      if (buffer.length > MAX_PART) throw new Error("a part of the answer does not end");
      const { done, value } = await reader.read();
      if (done) return;
      const joined = new Uint8Array(buffer.length + value.length);
      joined.set(buffer);
      joined.set(value, buffer.length);
      buffer = joined;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} buffer
 * @returns {{headers: Headers, body: Uint8Array<ArrayBuffer>, rest: Uint8Array<ArrayBuffer>}|null} null: more bytes are needed
 */
function takePart(buffer) {
  const end = indexOf(buffer, HEADER_END);
  if (end === -1) return null;
  const headers = new Headers();
  for (const line of new TextDecoder().decode(buffer.subarray(0, end)).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  const length = Number(headers.get("Content-Length") ?? Number.NaN);
  if (!Number.isInteger(length) || length < 0) throw new Error("a part of the answer has no Content-Length");
  const start = end + HEADER_END.length;
  if (buffer.length < start + length) return null;
  return { headers, body: buffer.slice(start, start + length), rest: buffer.slice(start + length) };
}

/**
 * @param {Uint8Array} buffer
 * @param {number[]} sequence
 */
function indexOf(buffer, sequence) {
  for (let i = buffer.indexOf(sequence[0]); i !== -1; i = buffer.indexOf(sequence[0], i + 1)) {
    if (sequence.every((byte, offset) => buffer[i + offset] === byte)) return i;
  }
  return -1;
}
