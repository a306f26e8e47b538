import { icons } from './icons';

/** As the others. */
const later = {
  minus: 'M5 12h14',
  chevron: 'M10 7l5 5-5 5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  share: 'M12 15V4M8 8l4-4 4 4M5 12v8h14v-8',
  pencil: 'M4 20l1-5L16 4l4 4L9 19z',
  dice: 'M5 5h14v14H5zM8.800 8.800v.1M12 12v.1M15.200 15.200v.1',
  locked: 'M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3',
  unlocked: 'M6 11h12v9H6zM8.500 11V7a3.500 3.500 0 0 1 6.800-1.200',
  sliders: 'M4 8h9M17 8h3M15 6v4M4 16h3M11 16h9M9 14v4',
  download: 'M12 4v11M8 11l4 4 4-4M5 20h14',
  trash: 'M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13',
  info: 'M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 11v5M12 8v.1',
  flag: 'M6 21V4M6 5c4-2 8 2 12 0v8c-4 2-8-2-12 0',
  gift: 'M4 12h16v8H4zM3 8h18v4H3zM12 8v12M12 8C9 8 7.500 7 7.500 5.500S10.500 3.500 12 8zM12 8c3 0 4.500-1 4.500-2.500S13.500 3.500 12 8z',
  people:
    'M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20a6.500 6.500 0 0 1 13 0M16 4.800a3.500 3.500 0 0 1 0 6.400M18.500 14.500a6.500 6.500 0 0 1 3 5.500',
  help: 'M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM9.500 9.500a2.500 2.500 0 1 1 3.700 2.200c-.900.500-1.200 1-1.200 1.800M12 16.400v.1',
  terms: 'M6.500 3.500h7l4 4v13h-11zM9.500 11.500h5M9.500 15h5',
  shield: 'M12 3.500l7 2.500v5.500c0 4.500-3 7.500-7 9-4-1.500-7-4.500-7-9V6z',
} as const;

export type LaterIcon = keyof typeof later;

Object.assign(icons, later);
