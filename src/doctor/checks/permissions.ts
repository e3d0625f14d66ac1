import type { Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { APPLY_AGAIN } from '../model/mend.ts';
import { inWordsOf } from '../model/permissions.ts';

/** One finding for each account, with each right that it lacks. */
export function checkPermissions({ denied = [], namespace }: Facts): readonly Finding[] {
  const accounts = [...new Set(denied.map(({ account }) => account))];
  return accounts.map((account) => {
    const rights = denied.filter((each) => each.account === account).map(({ permission }) => inWordsOf(permission));
    const what = `It may not: ${[...new Set(rights)].join(', ')}.`;
    return found('PermissionMissing', `ServiceAccount/${namespace}/${account}`, what, APPLY_AGAIN);
  });
}
