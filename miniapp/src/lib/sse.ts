export interface ServerEvent {
  event: string;
  data: string;
}

/**
 * Server-sent events out of a byte stream (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 * EventSource would do this, but it can't send an Authorization header. Yields null for a comment, which servers
 * send as a sign of life.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent | null> {
  let event = '';
  let data: string[] = [];
  for await (const line of readLines(body)) {
    if (line === '') {
      if (data.length > 0) yield { event: event || 'message', data: data.join('\n') };
      event = '';
      data = [];
      continue;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === '') yield null;
    else if (field === 'event') event = value ?? '';
    else if (field === 'data') data.push(value ?? '');
  }
}

/** Lines end with CRLF, LF or CR; an unfinished last one is dropped, as the standard says. */
async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      // A CR at the very end may be the first half of a CRLF.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
