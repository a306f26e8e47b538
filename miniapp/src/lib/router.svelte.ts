export type Route =
  { screen: 'train' | 'trainings' | 'account' } | { screen: 'training' | 'model'; id: string };

interface Entry {
  route: Route;
  depth: number;
}

/**
 * The browser's own history, so that every kind of "back" works. The route lives in the entry's state and not in
 * the address, where Telegram keeps the launch parameters.
 */
export class Router {
  #entry = $state.raw<Entry>({ route: { screen: 'train' }, depth: 0 });

  constructor() {
    if (isEntry(history.state)) this.#entry = history.state;
    addEventListener('popstate', (event) => {
      if (isEntry(event.state)) this.#entry = event.state;
    });
  }

  get route(): Route {
    return this.#entry.route;
  }

  get canGoBack(): boolean {
    return this.#entry.depth > 0;
  }

  /** Nothing is restored when the app opens anew: then the caller says where to begin. */
  get isFresh(): boolean {
    return !isEntry(history.state);
  }

  /** To another tab: nothing to come back from. */
  switchTo(route: Route): void {
    this.#entry = { route, depth: this.#entry.depth };
    history.replaceState(this.#entry, '');
    scrollTo(0, 0);
  }

  push(route: Route): void {
    this.#entry = { route, depth: this.#entry.depth + 1 };
    history.pushState(this.#entry, '');
    scrollTo(0, 0);
  }

  /** Out of all that was opened on top, to a tab. */
  home(route: Route): void {
    const { depth } = this.#entry;
    if (depth === 0) {
      this.switchTo(route);
      return;
    }
    addEventListener('popstate', () => this.switchTo(route), { once: true });
    history.go(-depth);
  }

  back(): void {
    history.back();
  }
}

function isEntry(state: unknown): state is Entry {
  return typeof state === 'object' && state !== null && 'route' in state && 'depth' in state;
}
