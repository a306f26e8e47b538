import { ApiError, type Photo } from './api';
import { backoff, type Wait } from './retry';

const CONCURRENCY = 3;
const ATTEMPTS = 6;
/** How the server refuses a photo that it has kept already, when the answer to that got lost. */
const PERHAPS_KEPT = ['duplicate', 'too_many_photos'];

export type UploadState = 'waiting' | 'sending' | 'retrying' | 'done' | 'refused' | 'failed';

let nextKey = 0;

/** One chosen file on its way into the draft. */
export class Upload {
  readonly key = `upload-${(nextKey += 1)}`;
  readonly abort = new AbortController();
  state = $state<UploadState>('waiting');
  /** How much of it has left the phone, 0–1. */
  progress = $state(0);
  /** Set in the state `done`. */
  photo = $state.raw<Photo | null>(null);
  /** Why it was refused or has failed. */
  error = $state.raw<ApiError | null>(null);

  /** Address of the file itself, for an <img>. */
  readonly preview: string;

  constructor(readonly file: File) {
    this.preview = URL.createObjectURL(file);
  }

  get active(): boolean {
    return this.state === 'waiting' || this.state === 'sending' || this.state === 'retrying';
  }
}

export interface UploadSteps {
  /** Makes a file fit to travel; an ApiError thrown here refuses it. Called for one file at a time. */
  prepare: (file: File) => Promise<File>;
  post: (file: File, onProgress: (part: number) => void, signal: AbortSignal) => Promise<Photo>;
  /** Looks for a photo that the server keeps although its answer never reached us. */
  find: (name: string) => Promise<Photo | null>;
  wait: Wait;
}

/**
 * Sends files one request each, three at a time. Dropped connections, 5xx and 429 are tried again; browsers repeat
 * some requests by themselves, too. So a photo that is called a duplicate may be our own: then it is looked for.
 */
export class Uploads {
  items = $state<Upload[]>([]);
  readonly active = $derived(this.items.filter((item) => item.active).length);

  readonly #steps: UploadSteps;
  #running = 0;
  #prepared: Promise<unknown> = Promise.resolve();

  constructor(steps: UploadSteps) {
    this.#steps = steps;
  }

  add(files: readonly File[]): void {
    this.items.push(...files.map((file) => new Upload(file)));
    this.#pump();
  }

  /** Leaves the queue; what was under way is broken off. */
  remove(upload: Upload): void {
    upload.abort.abort();
    URL.revokeObjectURL(upload.preview);
    this.items = this.items.filter((item) => item.key !== upload.key);
  }

  retry(upload: Upload): void {
    upload.state = 'waiting';
    this.#pump();
  }

  clear(): void {
    for (const item of this.items) this.remove(item);
  }

  #pump(): void {
    while (this.#running < CONCURRENCY) {
      const next = this.items.find((item) => item.state === 'waiting');
      if (!next) return;
      this.#running += 1;
      void this.#run(next).finally(() => {
        this.#running -= 1;
        this.#pump();
      });
    }
  }

  async #run(upload: Upload): Promise<void> {
    upload.state = 'sending';
    upload.progress = 0;
    upload.error = null;
    try {
      await this.#send(upload, await this.#prepare(upload.file));
    } catch (error) {
      if (upload.abort.signal.aborted) return;
      upload.error = error instanceof ApiError ? error : new ApiError(0, 'unknown', String(error));
      upload.state = isRefusal(upload.error) ? 'refused' : 'failed';
    }
  }

  /** Decoding takes tens of megabytes a photo, more than some phones have three times. */
  #prepare(file: File): Promise<File> {
    const prepared = this.#prepared.then(() => this.#steps.prepare(file));
    this.#prepared = prepared.catch(() => undefined);
    return prepared;
  }

  async #send(upload: Upload, file: File): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      upload.abort.signal.throwIfAborted();
      upload.state = 'sending';
      try {
        const photo = await this.#steps.post(file, (part) => (upload.progress = part), upload.abort.signal);
        this.#claim(upload, photo);
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const own = PERHAPS_KEPT.includes(error.code) ? await this.#steps.find(file.name) : null;
        if (own) {
          this.#claim(upload, own);
          return;
        }
        if (!error.transient || attempt === ATTEMPTS || upload.abort.signal.aborted) throw error;
        upload.state = 'retrying';
        upload.progress = 0;
        await this.#steps.wait(backoff(attempt, error.retryAfter));
      }
    }
  }

  /** The same file chosen twice: whose answer came is the one, and who only found its photo is the duplicate. */
  #claim(upload: Upload, photo: Photo): void {
    for (const other of this.items.filter((item) => item.photo?.id === photo.id)) {
      other.photo = null;
      other.error = new ApiError(422, 'duplicate');
      other.state = 'refused';
    }
    upload.photo = photo;
    upload.state = 'done';
  }
}

/** The photo itself is at fault, so sending it once more would change nothing. */
function isRefusal(error: ApiError): boolean {
  return !error.transient && error.status !== 401 && error.status !== 403 && error.status !== 404;
}
