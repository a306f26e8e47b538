import type { LaterIcon } from './icons.later';

/** Drawn on 24 × 24, as lines 2 wide. The screens that come later bring theirs. */
const first = {
  plus: 'M12 5v14M5 12h14',
  close: 'M7 7l10 10M17 7 7 17',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  alert: 'M12 6.5v7M12 17.4v.1',
  back: 'M14 6l-6 6 6 6',
  retry: 'M19 12a7 7 0 1 1-2.1-5M19 4v4h-4',
  caption: 'M5 8h14M5 12.500h14M5 17h8',
  chat: 'M5 17.5V7a2 2 0 0 1 2-2h10a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H8z',
  create:
    'M4 20c2.800 0 4.500-1 4.500-3.200a2.600 2.600 0 0 0-5.200 0c0 1.200-.200 2.200-1 3.200zM9.500 14.200 18.700 5a1.700 1.700 0 0 1 2.400 2.400L12 16.600',
  gallery: 'M4.500 4.500h6v6h-6zM13.500 4.500h6v6h-6zM4.500 13.500h6v6h-6zM13.500 13.500h6v6h-6z',
  train: 'M12 4l1.8 4.7L18.5 10.5l-4.7 1.8L12 17l-1.8-4.700L5.5 10.5l4.7-1.8zM19 16v4M17 18h4',
  models: 'M12 4l8.5 4.5L12 13 3.5 8.5zM3.5 12.5L12 17l8.5-4.5M3.5 16.5L12 21l8.5-4.5',
  account: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5a7.5 7.5 0 0 1 15 0',
  picture: 'M5 5h14v14H5zM5 16l4.5-4.5 3.5 3.5 2.5-2.5L19 16M14.5 9v.1',
  offline: 'M4 4l16 16M8.5 15.5a5 5 0 0 1 7 0M5 12a10 10 0 0 1 4.5-2.600M19 12a10 10 0 0 0-6-2.900M12 19v.1',
} as const;

export type IconName = keyof typeof first | LaterIcon;

export const icons: Partial<Record<IconName, string>> = first;
