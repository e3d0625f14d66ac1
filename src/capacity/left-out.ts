import type { Refusal } from '../model/verdict.ts';
import { LEFT_OUT } from './needs/refusal.ts';

/** Whether the node has room, and is only left to pods that need it more: asked about anew, the pod may have it. */
export const isLeftOut = (refusal: Refusal | undefined): boolean => refusal === LEFT_OUT;
