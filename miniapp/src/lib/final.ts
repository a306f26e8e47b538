/** Nothing leaves these states, neither in trainings nor in generations. */
export const isFinal = ({ status }: { status: string }): boolean =>
  status === 'COMPLETED' || status === 'FAILED';
