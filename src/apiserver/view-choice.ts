import { ApiFailure } from './failure.ts';
import type { Kind } from './kind.ts';
import { mappedView, plainView, type View } from './views.ts';

/** The view that the Accept header asks for. Throws 406 when none of its types is spoken here. */
export function chooseView(kind: Kind, accept: string, _query: URLSearchParams): View {
  const types = accept.split(',').map((type) => type.trim());
  const json = accept === '' || types.some((type) => /^(\*\/\*|application\/(\*|json))/.test(type));
  if (!json) {
    const why = 'only the following media types are accepted: application/json';
    throw new ApiFailure(406, 'NotAcceptable', why);
  }
  return kind.faceOf === undefined ? plainView(kind) : mappedView(kind, kind.faceOf.fromStored);
}
