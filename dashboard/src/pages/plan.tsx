import { PageHead } from "../components/basics.tsx";
import { messages } from "../messages.ts";
import { useSession } from "../session.ts";

const plans = ["free", "pro", "enterprise"] as const;

export default function PlanPage() {
  const { account } = useSession();
  return (
    <>
      <PageHead title={messages.plan.title} />
      <p className="lead">{messages.plan.lead}</p>
      <ul className="tiles">
        {plans.map((plan) => (
          <li key={plan} className={plan === account?.plan ? "card current" : "card"}>
            <h2>
              {messages.plan.names[plan]}
              {plan === account?.plan && <span className="badge good">{messages.plan.yours}</span>}
            </h2>
            <ul className="plain">
              {messages.plan.gives[plan].map((line) => (
                <li key={line}>{line}</li>
              ))}
              {plan === "enterprise" && account?.plan === plan && (
                <li>{messages.plan.own(account.per_minute, account.per_day)}</li>
              )}
            </ul>
          </li>
        ))}
      </ul>
    </>
  );
}
