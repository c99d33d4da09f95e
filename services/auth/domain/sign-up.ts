import { ServiceError } from "../../../platform/errors.ts";

/** Who may create an account: everybody, people whom an operator has invited, or operators alone. docs/adr/0023-sign-up.md */
export const signUpNames = ["open", "invited", "closed"] as const;
export type SignUp = (typeof signUpNames)[number];

/** Throws FORBIDDEN unless everybody may sign up. */
export function requireOpenSignUp(signUp: SignUp): void {
  if (signUp === "invited") {
    throw new ServiceError("FORBIDDEN", "Accounts here are by invitation. Ask the operator of this service for one.");
  }
  if (signUp === "closed") {
    throw new ServiceError("FORBIDDEN", "Sign-up is closed here. Ask the operator of this service for an account.");
  }
}

/** Throws FORBIDDEN where an invitation cannot be accepted. */
export function requireInvitations(signUp: SignUp): void {
  if (signUp === "closed") {
    throw new ServiceError(
      "FORBIDDEN",
      "Sign-up is closed here, for invitations too. Ask the operator of this service for an account.",
    );
  }
}
