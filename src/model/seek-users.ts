/**
 * How a person finds which programs have a device, which may be in mount namespaces of their own: a clause that ends
 * with those that have it open.
 */
export const seekUsers = (path: string, majorMinor: string): string =>
  `on the node, grep -l ' ${majorMinor} ' /proc/[0-9]*/mountinfo tells which programs see it mounted, and fuser -v ${path} which have it open`;
