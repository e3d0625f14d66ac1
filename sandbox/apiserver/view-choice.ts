import { ApiFailure } from './failure.ts';
import type { Stored } from './json.ts';
import type { Kind } from './kind.ts';
import { tableView } from './table-view.ts';
import { mappedView, plainView, type View } from './views.ts';

/** The view that the Accept header asks for, the first that is spoken here. Throws 406 when none is. */
export function chooseView(kind: Kind, accept: string, now: () => number): View {
  for (const type of (accept === '' ? '*/*' : accept).split(',')) {
    const [media = '', ...parameters] = type.split(';').map((part) => part.trim());
    if (!['*/*', 'application/*', 'application/json'].includes(media)) continue;
    const as = parameters.find((one) => one.startsWith('as='))?.slice(3);
    if (as === 'Table' && parameters.includes('v=v1')) return tableView(kind, now);
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return metadataView(kind);
    if (as === undefined) return kind.faceOf === undefined ? plainView(kind) : mappedView(kind, kind.faceOf.fromStored);
  }
  throw new ApiFailure(406, 'NotAcceptable', 'only the following media types are accepted: application/json');
}

const META = 'meta.k8s.io/v1';

const metadataView = (kind: Kind): View =>
  mappedView(kind, ({ metadata }: Stored) => ({ kind: 'PartialObjectMetadata', apiVersion: META, metadata }), {
    kind: 'PartialObjectMetadataList',
    apiVersion: META,
  });
