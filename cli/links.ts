/** Returns what signs a person in who opens it. The token stands behind the #, which browsers do not send to servers. */
export function signInLink(dashboardUrl: string, token: string): string {
  return `${dashboardUrl}/#/sign-in/${token}`;
}

/** Returns what makes an account for the person who opens it. The token stands behind the #, too. */
export function invitationLink(dashboardUrl: string, token: string): string {
  return `${dashboardUrl}/#/invitation/${token}`;
}
