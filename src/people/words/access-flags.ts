import { optionalText, text } from '../../daemon/flag-types.ts';

/** How a command that people run reaches the cluster: as kubectl does. */
export const ACCESS = {
  kubeconfig: optionalText({
    placeholder: 'FILE',
    doc: "How to reach the API server; without it by the files in KUBECONFIG, else the pod's service account, else ~/.kube/config.",
  }),
  context: optionalText({ placeholder: 'NAME', doc: 'The context of the kubeconfig; without it its current one.' }),
};

/** Of a command that looks at the installation itself. */
export const INSTALLATION = {
  ...ACCESS,
  namespace: text({ placeholder: 'NAME', default: 'open-local', short: 'n', doc: 'Where open-local is installed.' }),
};
