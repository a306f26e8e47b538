export interface Picture {
  id: string;
  width: number;
  height: number;
  thumbnail: string;
  url: string;
  download: string;
}
export interface GenerationModel {
  id: string | null;
  name: string;
  triggerWord: string;
  scale: number;
}
export interface Generation {
  id: string;
  status: 'PENDING' | 'RUNNING' | 'COMPLETED' | 'FAILED';
  prompt: string;
  models: GenerationModel[];
  trainer: string;
  aspect: string;
  steps: number;
  guidance: number;
  seed: number;
  count: number;
  starsSpent: number;
  starsRefunded: number;
  position: number | null;
  error: string | null;
  errorCode: string | null;
  origin: 'chat' | 'app' | 'sample';
  createdAt: string;
  completedAt: string | null;
  heldBack: number;
  command: string;
  pictures: Picture[];
}
export interface Pending {
  Generation: Generation;
  GenerationPage: { items: Generation[]; nextCursor: string | null };
  GenerationStart: {
    prompt: string;
    models?: { id: string; scale?: number }[] | null;
    aspect?: string | null;
    steps?: number | null;
    guidance?: number | null;
    seed?: number | null;
    count?: number | null;
  };
  Params: {
    aspect: string | null;
    steps: number | null;
    guidance: number | null;
    seed: number | null;
    count: number | null;
    scale: number | null;
  };
  Picture: Picture;
  Style: { id: string; name: string; prompt: string; preview: string | null };
  StyleList: { items: Pending['Style'][] };
  Painter: {
    kind: string;
    defaultSteps: number;
    minSteps: number;
    maxSteps: number;
    defaultGuidance: number;
    maxGuidance: number;
    maxModels: number;
    maxPictures: number;
    priceFactor: number;
  };
  TrainerOptions: { painter: Pending['Painter'] };
  Prices: { starsPerPicture: number };
  Limits: { promptMax: number; scaleMax: number; seedMax: number };
  Session: {
    aspects: string[];
    generations: Generation[];
    hasModels: boolean;
    trainers: Pending['TrainerOptions'][];
    prices: Pending['Prices'];
    limits: Pending['Limits'];
  };
  HistoryEntry: { generation: { id: string | null; count: number } | null };
  Model: { hidden: boolean };
}
