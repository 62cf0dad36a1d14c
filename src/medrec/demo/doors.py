"""Steps of the story about the three doors: a FHIR request, a referral, and a look that is disputed."""

from medrec.demo.network import AGENT, HOSPITALS, Resident
from medrec.demo.stage import Stage, claim, until
from medrec.node.fhir.client import fetch
from medrec.node.looks import answering, disputing
from medrec.node.node import Node
from medrec.node.peers.peers import PeerError
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal.app import person_path
from medrec.portal.page import MOUNT


class Doors(Stage):
    """What a hospital does with a permission, and what a person can do about it."""

    def pull(self, main: Resident, source: Node, asker: Node) -> None:
        """A second hospital asks over the FHIR API; every page is decided, written down and verified."""
        with self.step("A second hospital asks in FHIR"):
            doctor = asker.practitioners.enter("calloway", "Dr Ines Calloway", PHYSICIAN)
            parameters, pages, found = "_count=20", 0, 0
            while parameters:
                page = fetch(
                    asker,
                    source.organisation,
                    main.account,
                    "Observation",
                    parameters,
                    practitioner=doctor,
                    reason="Follow-up of her measurements",
                )
                pages, found, parameters = pages + 1, found + len(page.resources), page.more
                claim(page.total is not None and page.total >= found, "the total is less than what came")
            claim(found and found == page.total, "the pages do not add up to the total")
            self.say(f"{found} Observations in {pages} signed Bundles; each page was decided anew, and")
            self.say("every resource was held against the hash that its hospital signed.")

    def refer(self, main: Resident, source: Node, provider: Node) -> None:
        """A referral is pushed to a provider of the directory, and acknowledged."""
        with self.step("A referral is pushed, and its receipt comes back"):
            doctor = source.practitioners.enter("reyes", "Dr Mara Reyes", PHYSICIAN)
            sent = source.referrals.refer(
                main.account,
                provider.organisation,
                practitioner=doctor,
                reason="Please see her; the problems are in the bundle",
                types=("Condition",),
            )

            def delivered() -> bool:
                return any(
                    one.obligation == sent.obligation and one.status == "delivered" for one in source.referrals.sent()
                )

            seconds = until(delivered, "the referral to be delivered")
            taken = next(one for one in provider.referrals.taken() if one.obligation == sent.obligation)
            claim(taken.source == source.organisation, "another's referral came")
            self.say(f"{taken.practitioner} referred {main.name} to {HOSPITALS[provider.organisation]} with")
            self.say(f"{len(taken.records)} records; it was there, verified and acknowledged after {seconds:.2f} s.")

    def question(self, main: Resident, source: Node, asker: Node) -> None:
        """The patient does not know why somebody looked: one call stops it everywhere, and an answer comes."""
        with self.step("The patient questions a look"):
            agent = self.network.agent
            about = (asker.organisation, source.organisation, main.sign, main.key.key_id)
            raised = disputing.dispute(agent, main.account, *about, words="I do not remember being there.")
            claim(source.organisation in raised.taken, "the hospital that gave the records out did not take it")
            try:
                fetch(
                    asker,
                    source.organisation,
                    main.account,
                    "Condition",
                    practitioner=asker.practitioners.present("calloway"),
                    reason="Once more",
                )
                claim(False, "records went out although the look is disputed")
            except PeerError as refused:
                claim(refused.code == "not-permitted", f"refused for another reason: {refused.code}")
            self.say(f"She signed one statement; {len(raised.taken)} hospitals took it, and nothing more goes to")
            self.say(f"{HOSPITALS[asker.organisation]}, which now owes her an answer.")
            until(lambda: any(one.id == raised.id for one in answering.about_us(asker)), "the hospital to be told")
            answering.answer(
                asker, source.organisation, raised.id, "explained", "You were referred to our clinic on Tuesday."
            )
            until(lambda: self.counts(main, "dispute-answered/1")[0], "the answer to reach the patient")
            self.say("It answered: you were referred to our clinic on Tuesday. She is content, and closes the matter.")
            disputing.close(agent, main.account, raised.id, *about)
            self.look(AGENT[0], MOUNT + person_path(main.account))
