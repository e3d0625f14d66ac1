/** The scheduler's choice for one pod, as the bind verb brings it. */
export interface PodBinding {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
}
