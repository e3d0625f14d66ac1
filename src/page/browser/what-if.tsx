import { useState } from 'preact/hooks';
import type { Sees, Verdict } from '../wire.ts';
import { Heading, Problem } from './parts.tsx';
import { useLive } from './use-live.ts';
import { VerdictView } from './verdict.tsx';

interface Claim {
  readonly size: string;
  readonly storageClass: string;
}

const MAX_CLAIMS = 8;

/** Where a pod with these claims would go. Nothing is made, and no room is held. */
export function WhatIf({ sees }: { readonly sees: Sees }) {
  const [claims, setClaims] = useState<readonly Claim[]>([{ size: '10Gi', storageClass: 'open-local-lvm' }]);
  const [asked, setAsked] = useState('');
  const [search, setSearch] = useState('');
  const { body: classes } = useLive<{ classes: readonly string[] }>(sees.classes ? 'classes' : '');
  const node = search === '' ? '' : `&${new URLSearchParams({ node: search }).toString()}`;
  const { body, error } = useLive<Verdict>(asked === '' ? '' : `what-if?${asked}${node}`);
  return (
    <>
      <Heading text="What if" />
      <p>Where would a pod with these claims go, and why not there? Nothing is made, and no room is held.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const given = claims.map(({ size, storageClass }): [string, string] => ['claim', `${size},${storageClass}`]);
          setAsked(new URLSearchParams(given).toString());
        }}
      >
        {claims.map((claim, i) => (
          <ClaimFields
            key={i}
            number={i + 1}
            claim={claim}
            onChange={(changed) => setClaims(claims.map((each, at) => (at === i ? changed : each)))}
            onRemove={claims.length > 1 ? () => setClaims(claims.filter((_, at) => at !== i)) : undefined}
          />
        ))}
        <datalist id="classes">
          {classes?.classes.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <button
          type="button"
          disabled={claims.length >= MAX_CLAIMS}
          onClick={() => setClaims([...claims, { size: '10Gi', storageClass: claims.at(-1)?.storageClass ?? '' }])}
        >
          Add a claim
        </button>
        <button type="submit">Ask</button>
      </form>
      <Problem text={error} />
      {body && <VerdictView verdict={body} search={search} onSearch={setSearch} />}
    </>
  );
}

interface ClaimFieldsProps {
  readonly number: number;
  readonly claim: Claim;
  readonly onChange: (claim: Claim) => void;
  /** Undefined for the only one. */
  readonly onRemove: (() => void) | undefined;
}

const ClaimFields = ({ number, claim, onChange, onRemove }: ClaimFieldsProps) => (
  <fieldset>
    <legend>Claim {number}</legend>
    <label>
      Size
      <input required value={claim.size} onInput={(event) => onChange({ ...claim, size: event.currentTarget.value })} />
    </label>
    <label>
      StorageClass
      <input
        required
        list="classes"
        value={claim.storageClass}
        onInput={(event) => onChange({ ...claim, storageClass: event.currentTarget.value })}
      />
    </label>
    {onRemove && (
      <button type="button" onClick={onRemove}>
        Remove claim {number}
      </button>
    )}
  </fieldset>
);
