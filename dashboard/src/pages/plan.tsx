import { PageHead } from "../parts/basics.tsx";
import { useSession } from "../session.ts";
import { text } from "../text.ts";

const plans = ["free", "pro", "enterprise"] as const;

export default function PlanPage() {
  const { account } = useSession();
  return (
    <>
      <PageHead title={text.plan.title} />
      <p className="lead">{text.plan.lead}</p>
      <ul className="tiles">
        {plans.map((plan) => (
          <li key={plan} className={plan === account?.plan ? "card current" : "card"}>
            <h2>
              {text.plan.names[plan]}
              {plan === account?.plan && <span className="badge good">{text.plan.yours}</span>}
            </h2>
            <ul className="plain">
              {text.plan.gives[plan].map((line) => (
                <li key={line}>{line}</li>
              ))}
              {plan === "enterprise" && account?.plan === plan && (
                <li>{text.plan.own(account.per_minute, account.per_day)}</li>
              )}
            </ul>
          </li>
        ))}
      </ul>
    </>
  );
}
