"""What befalls the sites while histories are written."""
import random
import threading
import time

import psycopg2

from convergence_return import Return

SOFT = ("cut", "cut", "stall", "kill_replicator", "kill_replicator",
        "stop_replicator", "kill_database", "drop_stream", "cancel_apply",
        "cancel_apply", "drop_apply")
# what has to be put right when the round is over, and once in a round each
HARD = ("poison", "lose_slot", "add_column", "verify")


class Chaos(threading.Thread):
    """Cuts, stalls, stops and kills, and undoes most of it after a while."""

    def __init__(self, history):
        super().__init__(daemon=True)
        self.history = history
        self.random = random.Random(f"{history.seed} chaos")
        self.failed = None
        self.deeds = []
        r = self.random
        self.plan = r.choices(SOFT, k=r.choice((0, 1, 2, 3, 5)))
        self.plan += r.sample(HARD, r.choice((0, 1, 1, 2)))
        r.shuffle(self.plan)
        self.back = None
        if history.returns is not None:
            self.back = Return(self, history.returns)
            at = sorted(r.randint(0, len(self.plan)) for _ in range(2))
            self.plan.insert(at[1], "put_back")
            self.plan.insert(at[0], "copy")

    def run(self):
        try:
            for name in self.plan:
                self.pause(0.3)
                self.do(name)
            self.history.finish(self.random)
        except Exception as e:  # pylint: disable=broad-except
            self.failed = e
            self.history.finish(self.random)

    def pause(self, most):
        time.sleep(min(self.random.uniform(0, most),
                       max(0, self.history.end - time.monotonic())))

    def do(self, name):
        site = self.random.choice(self.history.world.sites)
        if name in ("copy", "put_back"):
            site = self.back.site
        elif name == "add_column" and site.era == 1:
            site = self.back.peer  # there it stays
        self.deeds.append(f"{name} {site.name}")
        getattr(self, name)(site)

    def cut(self, site):
        site.link.cut()
        self.pause(0.5)
        site.link.heal()

    def stall(self, site):
        site.link.stall()
        self.pause(0.5)
        site.link.heal()

    def kill_replicator(self, site):
        site.replicator.kill()
        self.pause(0.4)
        site.replicator.start()

    def stop_replicator(self, site):
        site.replicator.signal(19)  # SIGSTOP
        self.pause(0.5)
        site.replicator.signal(18)

    def kill_database(self, site):
        site.cluster.kill()
        self.pause(0.3)
        site.cluster.start()

    def copy(self, _):
        self.back.copy()

    def put_back(self, _):
        self.back.put_back()

    def poison(self, site):
        site.poison()

    def lose_slot(self, site):
        site.lose_slot(self.history.world.other(site))

    def add_column(self, site):
        self.history.world.add_column(site, self.random.choice((
            "int", "int NOT NULL DEFAULT 3", "varchar(900)")))

    def verify(self, site):
        site.verify()

    def drop_stream(self, site):
        self.signal(site, "pg_terminate_backend", "walsender")

    def drop_apply(self, site):
        self.signal(site, "pg_terminate_backend", "gsb-replicator apply")

    def cancel_apply(self, site):
        """Groups fail that others are behind."""
        for _ in range(20):
            self.signal(site, "pg_cancel_backend", "gsb-replicator apply")
            self.pause(0.02)

    def signal(self, site, how, who):
        try:
            site.cluster.sql(f"SELECT {how}(pid) FROM pg_stat_activity WHERE "
                             "%s IN (application_name, backend_type)", (who,))
        except psycopg2.OperationalError:
            pass
