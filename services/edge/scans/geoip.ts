import type { CountryResponse } from "maxmind";
import { open } from "maxmind";

/** Where an address is, ISO 3166-1 alpha-2 in capitals; empty if not known. */
export type CountryLookup = (address: string) => string;

/** Looks countries up in a MaxMind database, which is read once; an empty path knows none. */
export async function openCountries(file: string): Promise<CountryLookup> {
  if (file === "") return () => "";
  const database = await open<CountryResponse>(file);
  return (address) => {
    try {
      return database.get(address)?.country?.iso_code ?? "";
    } catch {
      // Not an address: a proxy sent something else.
      return "";
    }
  };
}
