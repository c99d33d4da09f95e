import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type Account, ApiError, noteCsrfToken, read } from "./api.ts";

const key = ["session"];

/** The account whose data is here. */
let dataOf: string | undefined;

/** The account that is signed in to; null if none is; undefined until that is known. */
export function useSession() {
  const query = useQuery({
    queryKey: key,
    staleTime: 60_000,
    async queryFn({ signal }): Promise<Account | null> {
      try {
        const account = await read<Account>("/session", signal);
        noteCsrfToken(account.csrf_token);
        dataOf = account.id;
        return account;
      } catch (failure) {
        if (failure instanceof ApiError && failure.status === 401) return null;
        throw failure;
      }
    },
  });
  return { account: query.data, query };
}

/** Goes on as another account, or as none: nothing of the last one is kept. The same account goes on where it was. */
export function useSetSession(): (account: Account | null) => void {
  const queries = useQueryClient();
  return (account) => {
    if (account) noteCsrfToken(account.csrf_token);
    const others = { predicate: ({ queryKey }: { queryKey: readonly unknown[] }) => queryKey[0] !== key[0] };
    if (account && account.id === dataOf) void queries.invalidateQueries(others);
    else queries.removeQueries(others);
    dataOf = account?.id;
    queries.setQueryData(key, account);
  };
}
