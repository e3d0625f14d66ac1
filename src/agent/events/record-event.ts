/** Tells people what happened to an object, where `kubectl describe` shows it. Never throws, never waits. */
export type RecordEvent = (
  about: { readonly kind: 'NodeLocalStorage' | 'LocalVolume'; readonly name: string; readonly uid?: string },
  event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string },
) => void;
