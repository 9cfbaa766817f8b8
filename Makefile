# The one entry for people and CI. `make` alone says what there is.
LAB = .lab/bin/ferrolb-lab

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z -]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## from nothing to a VIP that survives its node, on a cluster of this machine
	@hack/demo.sh

.PHONY: preflight
preflight: ## all that keeps this machine from running labs, with what to do
	@hack/preflight.sh

.PHONY: lab lab-up
lab lab-up: ## a cluster of three nodes in private namespaces (NODES=n)
	@hack/prepare.sh all
	@$(LAB) up --nodes $(or $(NODES),3)

.PHONY: lab-down
lab-down: ## end it
	@$(LAB) down

.PHONY: lab-shell
lab-shell: ## a shell on ON=n1…, client, client-routed, router, sw or cp
	@$(LAB) shell $(or $(ON),client)

.PHONY: install-cli
install-cli: ## kubectl ferrolb into BIN (/usr/local/bin)
	@cargo build --locked --profile dist -p ferrolb-cli
	@install -D $$(ls -t target/*/dist/kubectl-ferrolb | head -1) $(or $(BIN),/usr/local/bin)/kubectl-ferrolb

.PHONY: crds
crds: ## write deploy/crds from the types in api/
	@cargo run --quiet -p ferrolb-api --bin crdgen

.PHONY: reasons
reasons: ## write docs/reasons.md from the reasons in the code
	@UPDATE=1 cargo test --quiet -p ferrolb-cli --test reasons

.PHONY: fmt
fmt: ## format all code
	@cargo fmt

.PHONY: check
check: ## formatting, lints, unit tests, house rules; needs no root
	@hack/check.sh

.PHONY: deny
deny: ## licences, bans and sources of the dependencies; known vulnerabilities: hack/deny.sh advisories (network)
	@hack/deny.sh

.PHONY: test
test: ## check, then everything that needs a cluster; needs root
	@hack/test.sh

.PHONY: sim
sim: ## every simulator in turn, on seeds of its own, for MINUTES=5 in all (or SEEDS=n each)
	@hack/sim.sh

.PHONY: fuzz
fuzz: ## every decoder, with libFuzzer, for MINUTES=5 in all (ONLY=target for one)
	@hack/fuzz.sh

.PHONY: bench
bench: bench-failover bench-controller bench-ipam bench-bgp bench-bfd ## all benchmarks; bench/README.md says how to read them

.PHONY: bench-controller
bench-controller: ## Services given addresses, restarts, latency, beside MetalLB's controller (N=1000, RIVAL=no)
	@hack/bench.sh controller $(or $(N),1000)

.PHONY: figures
figures: ## write the tables of README.md from bench/results
	@hack/figures.sh

.PHONY: bench-failover
bench-failover: ## how long VIPs are away when their owner fails or leaves, beside keepalived (RUNS=100)
	@hack/bench.sh failover $(or $(RUNS),100)

.PHONY: soak
soak: ## an hour with all processors busy, in which nobody may take over from an owner that lives (SECONDS=3600)
	@hack/bench.sh failover 10 --only busy --busy-for $(or $(SECONDS),3600)

.PHONY: bench-ipam
bench-ipam: ## what giving one address costs when N=1000000 are held; needs no root
	@hack/bench.sh ipam $(or $(N),1000000)

.PHONY: bench-bgp
bench-bgp: ## how soon routers have what a speaker was told, beside messages packed beforehand (RUNS=20)
	@hack/bench.sh bgp $(or $(RUNS),20)

.PHONY: bench-bfd
bench-bfd: ## how soon a silent peer is found out, beside BIRD watching the same (RUNS=100)
	@hack/bench.sh bfd $(or $(RUNS),100)
