import type { components } from '../api';
import { sendWithProgress } from './xhr';

type Schemas = components['schemas'];
export type Account = Schemas['Account'];
export type Draft = Schemas['Draft'];
export type Generation = Schemas['Generation'];
export type GenerationPage = Schemas['GenerationPage'];
export type GenerationStart = Schemas['GenerationStart'];
export type HistoryEntry = Schemas['HistoryEntry'];
export type Invitation = Schemas['Invitation'];
export type Invoice = Schemas['Invoice'];
export type Limits = Schemas['Limits'];
export type Model = Schemas['Model'];
export type ModelEdit = Schemas['ModelEdit'];
export type ModelPage = Schemas['ModelPage'];
export type Pack = Schemas['Pack'];
export type Params = Schemas['Params'];
export type Photo = Schemas['Photo'];
export type Picture = Schemas['Picture'];
export type Prices = Schemas['Prices'];
export type Problem = Schemas['Problem'];
export type Session = Schemas['Session'];
export type Style = Schemas['Style'];
export type StyleList = Schemas['Styles'];
export type Trainer = Schemas['TrainerOptions'];
export type Training = Schemas['Training'];
export type TrainingPage = Schemas['TrainingPage'];
export type TrainingStart = Schemas['TrainingStart'];
export type TrainingStarted = Schemas['TrainingStarted'];
export type TrainingStatus = Schemas['TrainingStatus'];
export type Upload = Schemas['Upload'];
export type User = Schemas['User'];

/** What is wrong with a field of what was sent. With a code, what that speaks of is beside it. */
export type FieldProblem = Schemas['FieldProblem'];
type Send = (url: string, init: RequestInit) => Promise<Response>;
/** Tells how much of the body has left, 0–1. */
type SendTelling = (url: string, init: RequestInit, onProgress: (part: number) => void) => Promise<Response>;

const TIMEOUT_MS = 30_000;
/** Packing moves all photos of a draft to the trainer's storage. */
const PACKING_MS = 180_000;

/** A request that didn't end well: the server's problem, or status 0 where no answer came at all. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly code: string,
    detail = '',
    readonly fields: readonly FieldProblem[] = [],
    /** Seconds that the server asks us to wait. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
  }

  /** Worth another try with the very same request. */
  get transient(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/**
 * Selfi's HTTP interface as its own person sees it. Init data is exchanged for a session token, which is
 * renewed without a word when the server no longer takes it; requests that wait meanwhile share one renewal.
 * A token renews itself for days; init data, which stays as it was at the launch, is refused long before.
 */
export class Api {
  readonly #initData: string;
  readonly #base: string;
  readonly #sendTelling: SendTelling;
  #token: string | null = null;
  #renewal: Promise<Session> | null = null;

  constructor(initData: string, base = '', sendTelling: SendTelling = sendWithProgress) {
    this.#initData = initData;
    this.#base = base;
    this.#sendTelling = sendTelling;
  }

  session(): Promise<Session> {
    this.#renewal ??= this.#openSession().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  async draft(): Promise<Draft> {
    return read(await this.#call('GET', '/training/photos'));
  }

  async addPhoto(
    file: File,
    key: string,
    onProgress: (part: number) => void,
    signal?: AbortSignal,
  ): Promise<Photo> {
    const body = new FormData();
    body.append('image', file, file.name);
    const send: Send = (url, init) => this.#sendTelling(url, init, onProgress);
    const headers = { 'Idempotency-Key': key };
    return read(
      await this.#call('POST', '/training/photos', { body, headers, signal: signal ?? null }, send),
    );
  }

  async editPhoto(id: string, caption: string | null): Promise<Photo> {
    return read(
      await this.#call('PATCH', `/training/photos/${id}`, {
        body: JSON.stringify({ caption }),
        headers: { 'Content-Type': 'application/json' },
      }),
    );
  }

  async removePhoto(id: string): Promise<void> {
    await this.#call('DELETE', `/training/photos/${id}`);
  }

  /** Packs the draft and puts it where the trainer can fetch it. */
  async packDraft(): Promise<Upload> {
    return read(await this.#call('POST', '/training/upload', {}, within(PACKING_MS)));
  }

  async start(body: TrainingStart, idempotencyKey: string): Promise<TrainingStarted> {
    return read(await this.#call('POST', '/training/start', json(body, idempotencyKey)));
  }

  async trainings(cursor: string | null = null): Promise<TrainingPage> {
    return read(await this.#call('GET', `/training${query({ cursor })}`));
  }

  async status(id: string): Promise<TrainingStatus> {
    return read(await this.#call('GET', `/training/${id}/status`));
  }

  /** How a training or a generation goes on. */
  async events(
    of: 'training' | 'generation',
    id: string,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const send: Send = (url, init) => fetch(url, { ...init, signal });
    const headers = { Accept: 'text/event-stream' };
    const response = await this.#call('GET', `/${of}/${id}/events`, { headers }, send);
    if (!response.body) throw new ApiError(0, 'network');
    return response.body;
  }

  async cancel(id: string): Promise<TrainingStatus> {
    return read(await this.#call('POST', `/training/${id}/cancel`));
  }

  async models(scope: 'own' | 'public' | 'selected', cursor: string | null = null): Promise<ModelPage> {
    return read(await this.#call('GET', `/models${query({ scope, cursor })}`));
  }

  async model(id: string): Promise<Model> {
    return read(await this.#call('GET', `/models/${id}`));
  }

  async editModel(id: string, change: ModelEdit): Promise<Model> {
    return read(await this.#call('PATCH', `/models/${id}`, json(change)));
  }

  async removeModel(id: string): Promise<void> {
    await this.#call('DELETE', `/models/${id}`);
  }

  /** To those who run Selfi. */
  async reportModel(id: string, reason: string): Promise<void> {
    await this.#call('POST', `/models/${id}/report`, json({ reason }));
  }

  async generate(body: GenerationStart, idempotencyKey: string): Promise<Generation> {
    return read(await this.#call('POST', '/generation', json(body, idempotencyKey)));
  }

  /** Those with pictures, and those that get some yet. */
  async generations(cursor: string | null = null): Promise<GenerationPage> {
    return read(await this.#call('GET', `/generation${query({ limit: '30', cursor })}`));
  }

  /** By its own id or that of one of its pictures, as in all that follow. */
  async generation(id: string): Promise<Generation> {
    return read(await this.#call('GET', `/generation/${id}`));
  }

  async cancelGeneration(id: string): Promise<Generation> {
    return read(await this.#call('POST', `/generation/${id}/cancel`));
  }

  async removeGeneration(id: string): Promise<void> {
    await this.#call('DELETE', `/generation/${id}`);
  }

  /** The bot sends it to the chat. */
  async sendToChat(id: string, idempotencyKey: string): Promise<void> {
    await this.#call('POST', `/generation/${id}/send`, json({}, idempotencyKey));
  }

  async params(): Promise<Params> {
    return read(await this.#call('GET', '/params'));
  }

  async saveParams(params: Params): Promise<Params> {
    return read(await this.#call('PUT', '/params', json(params)));
  }

  async styles(): Promise<StyleList> {
    return read(await this.#call('GET', '/styles'));
  }

  async account(cursor: string | null = null): Promise<Account> {
    return read(await this.#call('GET', `/account${query({ cursor })}`));
  }

  async speak(language: User['language']): Promise<User> {
    return read(await this.#call('PATCH', '/account', json({ language })));
  }

  /** For the pack of this price; the person alone can pay it. */
  async invoice(price: number): Promise<Invoice> {
    return read(await this.#call('POST', '/account/invoice', json({ pack: price })));
  }

  async redeem(code: string): Promise<Schemas['CodeStars']> {
    return read(await this.#call('POST', '/account/code', json({ code })));
  }

  /** A person's answer comes in the chat. */
  async askForHelp(text: string, idempotencyKey: string): Promise<void> {
    await this.#call('POST', '/account/support', json({ text }, idempotencyKey));
  }

  async #openSession(): Promise<Session> {
    const session = (await this.#renewed()) ?? (await this.#exchange(`tma ${this.#initData}`));
    this.#token = session.token;
    return session;
  }

  /** Null where there is no token yet, or one that can't be renewed any more. */
  async #renewed(): Promise<Session | null> {
    if (this.#token === null) return null;
    try {
      return await this.#exchange(`Bearer ${this.#token}`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  }

  async #exchange(proof: string): Promise<Session> {
    return read(await this.#send('/session', { method: 'POST', headers: { Authorization: proof } }));
  }

  async #call(method: string, path: string, init: RequestInit = {}, send?: Send): Promise<Response> {
    const token = this.#token ?? (await this.session()).token;
    try {
      return await this.#send(path, authorized(method, init, token), send);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      // Another request may have renewed the session while this one was under way.
      const renewed = this.#token === token ? (await this.session()).token : this.#token;
      return this.#send(path, authorized(method, init, renewed), send);
    }
  }

  async #send(path: string, init: RequestInit, send = within(TIMEOUT_MS)): Promise<Response> {
    let response: Response;
    try {
      response = await send(this.#base + path, init);
    } catch {
      throw new ApiError(0, 'network');
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

function within(ms: number): Send {
  return (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(ms) });
}

function json(body: unknown, idempotencyKey?: string): { body: string; headers: Record<string, string> } {
  const headers = { 'Content-Type': 'application/json' };
  const key = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
  return { body: JSON.stringify(body), headers: { ...headers, ...key } };
}

/** What is null is left out. */
function query(values: Record<string, string | null>): string {
  const given = Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== null);
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

function authorized(method: string, init: RequestInit, token: string | null): RequestInit {
  const headers = new Headers(init.headers);
  headers.set('Authorization', `Bearer ${token ?? ''}`);
  return { ...init, method, headers };
}

async function read<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(0, 'network');
  }
}

/** A proxy in between may answer without our problem document, so nothing in it is taken for granted. */
async function problemOf(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => null)) as Partial<Problem> | null;
  const retryAfter = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  return new ApiError(
    response.status,
    problem?.code ?? `http_${response.status}`,
    problem?.detail ?? '',
    problem?.errors ?? [],
    Number.isNaN(retryAfter) ? null : retryAfter,
  );
}
