/** Of this program; src/bundles.test.ts holds it equal to package.json's. */
export const VERSION = '0.1.0';
