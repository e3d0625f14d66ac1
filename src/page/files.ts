/** One file of the page. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

/**
 * What the browser gets, by path: build.ts puts it in the place of this file. A program that runs from its sources has
 * the API alone.
 */
export const PAGE_FILES: Readonly<Record<string, PageFile>> = {};
