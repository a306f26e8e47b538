import { ApiError, type Photo } from './api';
import { backoff, isLong, type Wait } from './retry';

const CONCURRENCY = 3;
const ATTEMPTS = 6;

export type UploadState = 'waiting' | 'sending' | 'retrying' | 'done' | 'refused' | 'failed';

/** One chosen file on its way into the draft. */
export class Upload {
  /** Under it the server keeps one photo, however often it is sent. */
  readonly key = crypto.randomUUID();
  /** Removed while it travelled: it may have arrived, so it is seen through to its end, and taken back there. */
  unwanted = $state(false);
  state = $state<UploadState>('waiting');
  /** How much of it has left the phone, 0–1. */
  progress = $state(0);
  /** Whether all of it has, in any of the tries: then it may have arrived, whatever was heard of it. */
  hasLeft = false;
  /** Set in the state `done`. */
  photo = $state.raw<Photo | null>(null);
  /** Why it was refused, has failed, or has to be tried again. */
  error = $state.raw<ApiError | null>(null);
  /** Ends what is done for it. */
  readonly end = new AbortController();

  /** Address of the file itself, for an <img>. */
  readonly preview: string;

  constructor(readonly file: File) {
    this.preview = URL.createObjectURL(file);
  }

  /** Whether people wait for it. */
  get active(): boolean {
    return (this.state === 'waiting' || this.isTravelling) && !this.unwanted;
  }

  get isTravelling(): boolean {
    return this.state === 'sending' || this.state === 'retrying';
  }

  goOn(part: number): void {
    this.progress = part;
    if (part === 1) this.hasLeft = true;
  }
}

export interface UploadSteps {
  /** Makes a file fit to travel; an ApiError thrown here refuses it. Called for one file at a time. */
  prepare: (file: File) => Promise<File>;
  post: (file: File, key: string, onProgress: (part: number) => void, signal: AbortSignal) => Promise<Photo>;
  /** Takes a photo back that was removed before its answer came. */
  discard: (photo: Photo) => Promise<void>;
  wait: Wait;
}

/**
 * Sends files one request each, three at a time. Dropped connections, 5xx and 429 are tried again; browsers repeat
 * some requests by themselves, too: by its key the server knows each photo again.
 */
export class Uploads {
  items = $state<Upload[]>([]);
  readonly active = $derived(this.items.filter((item) => item.active).length);

  readonly #steps: UploadSteps;
  #prepared: Promise<unknown> = Promise.resolve();

  constructor(steps: UploadSteps) {
    this.#steps = steps;
  }

  add(files: readonly File[]): void {
    this.items.push(...files.map((file) => new Upload(file)));
    this.#pump();
  }

  /** What may have arrived is seen through to its end, and taken back there; nobody waits for that. */
  remove(upload: Upload): void {
    if (upload.isTravelling && upload.hasLeft) upload.unwanted = true;
    else this.#drop(upload);
    this.#pump();
  }

  #drop(upload: Upload): void {
    upload.end.abort();
    URL.revokeObjectURL(upload.preview);
    this.items = this.items.filter((item) => item.key !== upload.key);
  }

  retry(upload: Upload): void {
    upload.state = 'waiting';
    this.#pump();
  }

  #pump(): void {
    for (;;) {
      const next = this.items.find((item) => item.state === 'waiting');
      const running = this.items.filter((item) => item.isTravelling && item.active);
      if (!next || running.length >= CONCURRENCY) return;
      void this.#run(next).finally(() => this.#pump());
    }
  }

  async #run(upload: Upload): Promise<void> {
    upload.state = 'sending';
    upload.progress = 0;
    upload.error = null;
    try {
      const photo = await this.#send(upload, await this.#prepare(upload));
      if (upload.unwanted || upload.end.signal.aborted) await this.#steps.discard(photo);
      upload.photo = photo;
      upload.state = 'done';
    } catch (error) {
      upload.error = error instanceof ApiError ? error : new ApiError(0, 'unknown', String(error));
      upload.state = isRefusal(upload.error) ? 'refused' : 'failed';
    }
    if (upload.unwanted) this.#drop(upload);
  }

  /** Decoding takes tens of megabytes a photo, more than some phones have three times. */
  #prepare({ file, end }: Upload): Promise<File> {
    const prepared = this.#prepared.then(() => {
      end.signal.throwIfAborted();
      return this.#steps.prepare(file);
    });
    this.#prepared = prepared.catch(() => undefined);
    return prepared;
  }

  async #send(upload: Upload, file: File): Promise<Photo> {
    const { key, end } = upload;
    for (let attempt = 1; ; attempt += 1) {
      end.signal.throwIfAborted();
      upload.state = 'sending';
      try {
        return await this.#steps.post(file, key, (part) => upload.goOn(part), end.signal);
      } catch (error) {
        if (!(error instanceof ApiError) || !error.transient || isLong(error.retryAfter)) throw error;
        if (attempt === ATTEMPTS) throw error;
        upload.state = 'retrying';
        upload.progress = 0;
        upload.error = error;
        await this.#steps.wait(backoff(attempt, error.retryAfter));
      }
    }
  }
}

/** The photo itself is at fault, so sending it once more would change nothing. */
function isRefusal(error: ApiError): boolean {
  return !error.transient && error.status !== 401 && error.status !== 403 && error.status !== 404;
}
