/** A connection over which nothing has moved for so long is taken for dead. */
const STALLED_MS = 45_000;

/** `fetch` can't tell how much of a body has left; XMLHttpRequest can. Rejects where no answer comes. */
export function sendWithProgress(
  url: string,
  init: RequestInit,
  onProgress: (part: number) => void,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    init.signal?.throwIfAborted();
    const xhr = new XMLHttpRequest();
    let stalled: ReturnType<typeof setTimeout> | undefined;
    const abort = () => xhr.abort();
    const alive = () => {
      clearTimeout(stalled);
      stalled = setTimeout(abort, STALLED_MS);
    };
    init.signal?.addEventListener('abort', abort);
    xhr.upload.onprogress = (event) => {
      alive();
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    xhr.onload = () => resolve(responseOf(xhr));
    xhr.onerror = xhr.onabort = () => reject(new TypeError('The request got no answer.'));
    xhr.onloadend = () => clearTimeout(stalled);
    xhr.open(init.method ?? 'GET', url);
    new Headers(init.headers).forEach((value, name) => xhr.setRequestHeader(name, value));
    xhr.send(init.body as XMLHttpRequestBodyInit);
    alive();
  });
}

function responseOf(xhr: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const name of ['Content-Type', 'Retry-After']) {
    const value = xhr.getResponseHeader(name);
    if (value !== null) headers.set(name, value);
  }
  return new Response(xhr.status === 204 ? null : xhr.responseText, { status: xhr.status, headers });
}
