export function counted(ticks: number): number {
  return ticks + 1
}
