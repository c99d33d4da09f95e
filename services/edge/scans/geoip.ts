import type { CountryResponse } from "maxmind";
import { open } from "maxmind";

/** Returns the country of an address, ISO 3166-1 alpha-2 in capitals; empty if unknown. */
export type CountryLookup = (address: string) => string;

/** Opens a MaxMind country database, which is read once. With an empty path every country is unknown. */
export async function openGeoip(file: string): Promise<CountryLookup> {
  if (file === "") return () => "";
  const database = await open<CountryResponse>(file);
  return (address) => {
    try {
      return database.get(address)?.country?.iso_code ?? "";
    } catch {
      // The text is not an address: a proxy sent something else.
      return "";
    }
  };
}
