# Every stage of the project. `make` alone prints this list.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

FILTERS := jwt-auth token-bucket circuit-breaker trace-injection audit-log
MODULES := $(FILTERS:%=dist/%.wasm) dist/portcullis.wasm
PORTCULLIS := target/debug/portcullis
PACK := target/debug/portcullis-pack
BINDGEN := target/debug/portcullis-bindgen
TOOLS := tools
VENV := .venv/bin/python
ECS := .venv/ecs-9.4.0.json
CRDS := .venv/crds/node_modules/@kubernetes-models/istio/package.json
EDITORS := .venv/editors/node_modules/yaml-language-server/package.json
SOURCES := $(shell find filters proto -name '*.rs' -o -name 'Cargo.toml') Cargo.toml Cargo.lock
ENGINE := target/playground/portcullis_playground.js
ENGINE_SOURCES := $(SOURCES) $(shell find harness/abi harness/audit harness/filters harness/foreign harness/inspect harness/manifest harness/playground harness/scenario harness/sim -path '*/node_modules' -prune -o \( -name '*.rs' -o -name 'Cargo.toml' -o -name '*.yaml' \) -print)
PAGE := dist/playground/index.html
PAGE_SOURCES := $(shell find harness/playground/page -path '*/node_modules' -prune -o -path '*/tests' -prune -o -type f -print)
NODE_MODULES := harness/playground/page/node_modules/.package-lock.json

# What is fetched here locks what it is fetched into; cargo uses all processors by itself.
.NOTPARALLEL:

.PHONY: help demo test build oci playground bench bench-full bench-fuel bench-harness lint docs schemas deny clean rust-target redis registry prometheus chromium npm tools

help: ## Prints this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: build tools ## Runs the modules over real requests, in the harness: no Envoy needed.
	@$(PORTCULLIS) test $(FILTERS:%=tests/scenarios/%/demo.yaml) tests/scenarios/portcullis/demo.yaml --format table
	@printf '\nThese are $(MODULES), the modules that go into Envoy. What to try next:\n\n'
	@printf '  %s\n' \
	  'edit tests/scenarios/token-bucket/demo.yaml and run make demo again' \
	  '$(PORTCULLIS) inspect dist/jwt-auth.wasm' \
	  '$(PORTCULLIS) run dist/jwt-auth.wasm --config envoy/standalone/jwt-auth.config.yaml' \
	  'make test    the same scenarios in a real Envoy, and every other test'

build: $(MODULES) ## Builds dist/*.wasm, beside each a .debug.wasm with the names of its functions, and a bill of materials.

oci: build tools ## What a release consists of: OCI images in dist/oci and dist/oci-artifact, bills of materials, checksums.
	@rm -rf dist/oci dist/oci-artifact
	@$(PORTCULLIS) oci $(MODULES)
	@$(PORTCULLIS) oci $(MODULES) --form artifact --out dist/oci-artifact
	@cd dist && sha256sum $(foreach module,$(MODULES:dist/%.wasm=%),$(module).wasm $(module).debug.wasm $(module).cdx.json) oci/digests.json oci-artifact/digests.json > SHA256SUMS
	@echo dist/SHA256SUMS

playground: $(PAGE) ## The filters in a browser: the page in dist/playground, and in the command that serves it.
	@$(call build_tools)
	@printf '%s\n' '$(PORTCULLIS) playground serves it on this machine; dist/playground is the same page, for any server of static files'

test: build dist/probe.wasm $(PAGE) chromium $(VENV) $(ECS) $(CRDS) $(EDITORS) redis registry prometheus ## Runs every test, a real Envoy included; sets itself up.
	cargo test -q
	@cat target/scenarios.txt

bench: build $(VENV) ## CPU per request in a real Envoy, beside its native filters, in a minute; ARGS='--case suite'.
	cargo run -q --release -p portcullis-bench -- $(ARGS)

bench-full: build $(VENV) ## The same with every protocol, upstream and number of workers, in half an hour.
	cargo run -q --release -p portcullis-bench -- --full $(ARGS)

bench-fuel: build tools ## Fuel and hostcalls of each callback, beside tests/fuel/_golden.yaml; BLESS=1 writes that file.
	@$(PORTCULLIS) fuel tests/fuel --golden tests/fuel/_golden.yaml

bench-harness: build ## A call, a start and a request in the harness, beside wasmtime's bare call.
	CARGO_TARGET_DIR=target/guest cargo build -q --release --target wasm32-wasip1 --manifest-path tests/fuzz/guest/Cargo.toml
	PORTCULLIS_GUEST=$(CURDIR)/target/guest/wasm32-wasip1/release/portcullis_guest.wasm cargo bench -q -p portcullis-host

lint: rust-target $(NODE_MODULES) ## Formatting and clippy, native and wasm; the types of the page.
	cargo fmt --all --check
	cargo clippy -q --all-targets -- -D warnings
	cargo clippy -q --target wasm32-wasip1 -p portcullis-shell $(FILTERS:%=-p portcullis-%-wasm) -p portcullis-suite-wasm -p portcullis-probe -- -D warnings
	@npm run --silent --prefix harness/playground/page lint

docs: ## The book in target/book/html, with its links checked, and the API documentation in target/doc.
	RUSTDOCFLAGS='-D warnings' cargo doc -q --no-deps
	@$(call tool,mdbook@0.5.4,--no-default-features --features search)
	@$(call tool,hyperlink@0.3.2)
	@rm -rf target/book
	@python3 docs/book.py target/book/src
	@MDBOOK_LOG=warn target/tools/bin/mdbook build docs
	@target/tools/bin/hyperlink --check-anchors --sources target/book/src target/book/html

schemas: tools ## The JSON Schemas in docs/schemas, from the code.
	@mkdir -p docs/schemas
	@for name in scenario $(FILTERS) portcullis; do $(PORTCULLIS) schema $$name > docs/schemas/$$name.schema.json; done
	@$(PORTCULLIS) schema catalog > docs/schemas/catalog.json

deny: ## Licences, advisories and the arrows between crates; needs cargo-deny.
	@command -v cargo-deny >/dev/null || { echo 'make deny needs cargo-deny: cargo install --locked cargo-deny' >&2; exit 2; }
	cargo deny check

clean: ## Removes what was built.
	rm -rf target dist .venv harness/playground/page/node_modules

dist/%.wasm: $(SOURCES) | $(TOOLS)
	@mkdir -p dist target
	@$(call build_module,portcullis-$(*:portcullis=suite)-wasm,--message-format json-render-diagnostics > target/$*.messages)
	@$(PACK) target/wasm32-wasip1/wasm/$(subst -,_,$*).wasm $@ target/$*.messages

# The guest of the cases in tests/abi; not one that ships, so it keeps all of its exports.
dist/probe.wasm: $(shell find tests/abi/probe -name '*.rs' -o -name 'Cargo.toml') Cargo.toml Cargo.lock | rust-target
	@mkdir -p dist
	@$(call build_module,portcullis-probe,)
	@cp target/wasm32-wasip1/wasm/portcullis_probe.wasm $@

# Everything that a browser runs of it.
$(ENGINE): $(ENGINE_SOURCES) | $(TOOLS)
	@echo 'cargo build --profile page --target wasm32-unknown-unknown -p portcullis-playground' >&2
	@cargo fetch -q --locked --target wasm32-unknown-unknown; $(remap); \
	env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$$flags" \
	  cargo build -q --locked --profile page --target wasm32-unknown-unknown -p portcullis-playground
	@$(BINDGEN) target/wasm32-unknown-unknown/page/portcullis_playground.wasm $(@D)
	@touch $@

$(NODE_MODULES): harness/playground/page/package-lock.json | npm
	@npm ci --silent --no-audit --no-fund --ignore-scripts --prefix harness/playground/page || \
	  { echo 'the npm packages of the playground could not be installed: is the npm registry reachable?' >&2; exit 2; }
	@touch $@

$(PAGE): $(ENGINE) $(PAGE_SOURCES) $(NODE_MODULES)
	@node harness/playground/page/build.mjs $(@D) $(<D)

# With the vectors that hashes are faster by. Without the paths of this machine: two machines make the same bytes. Cargo fetches first, for what it has not unpacked has no path yet.
define build_module
echo 'cargo build --profile wasm --target wasm32-wasip1 -p $(1)' >&2; \
	cargo fetch -q --locked --target wasm32-wasip1; $(remap); \
	env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="-C target-feature=+simd128 $$flags" \
	  cargo build -q --locked --profile wasm --target wasm32-wasip1 -p $(1) $(2)
endef

define remap
flags='--remap-path-prefix=$(CURDIR)=.'; \
	for crates in "$${CARGO_HOME:-$$HOME/.cargo}"/registry/src/*; do flags+=" --remap-path-prefix=$$crates=crates"; done
endef

# With a test among the targets, cargo takes the features that `cargo test` takes: everything is compiled once.
tools: rust-target
	@$(call build_tools)

define build_tools
cargo build -q --bin portcullis --bin portcullis-pack --bin portcullis-bindgen --test architecture
endef

rust-target:
	@command -v cargo >/dev/null || { echo 'cargo is missing: install Rust with https://rustup.rs' >&2; exit 2; }
	@for t in wasm32-wasip1 wasm32-unknown-unknown; do \
	  [ -d "$$(rustc --print sysroot)/lib/rustlib/$$t/lib" ] || rustup target add $$t || \
	  { echo "the Rust target $$t is missing: rustup target add $$t" >&2; exit 2; }; done

redis:
	@command -v redis-server >/dev/null || $(call by_apt,redis-server) || \
	  { echo 'redis-server is missing: install Redis, on Debian apt install redis-server' >&2; exit 2; }

registry:
	@{ command -v docker-registry && command -v skopeo; } >/dev/null || $(call by_apt,docker-registry skopeo) || \
	  { echo 'docker-registry or skopeo is missing: install both, on Debian apt install docker-registry skopeo' >&2; exit 2; }

# Of Debian's package the programs alone: installed, it would begin to serve.
prometheus: $(VENV)
	@{ command -v prometheus && command -v promtool; } >/dev/null || [ -x .venv/prometheus/usr/bin/promtool ] || $(call unpacked_by_apt,prometheus,.venv/prometheus) || \
	  { echo 'prometheus or promtool is missing: install Prometheus, on Debian apt install prometheus' >&2; exit 2; }

chromium:
	@command -v chromium >/dev/null || $(call by_apt,chromium) || \
	  { echo 'chromium is missing: install Chromium, on Debian apt install chromium' >&2; exit 2; }

npm:
	@command -v npm >/dev/null || $(call by_apt,npm) || \
	  { echo 'npm is missing: install Node.js, on Debian apt install npm' >&2; exit 2; }
	@node -e 'process.exit(Number(parseInt(process.versions.node) < 20))' || { echo "Node.js $$(node --version) is too old: install version 20 or later, see https://nodejs.org" >&2; exit 2; }

# Without optimisation: they run for a second, and are built for longer.
define tool
CARGO_PROFILE_DEV_DEBUG=none cargo install -q --locked --debug --root target/tools $(1) $(2)
endef

define by_apt
{ as_root=; [ "$$(id -u)" = 0 ] || as_root='sudo -n'; \
	    $$as_root apt-get install -y -qq $(1) >/dev/null || \
	    { $$as_root apt-get update -qq && $$as_root apt-get install -y -qq $(1) >/dev/null; }; }
endef

define unpacked_by_apt
{ folder=$$(mktemp -d); as_root=; [ "$$(id -u)" = 0 ] || as_root='sudo -n'; mkdir -p $(2); \
	    { (cd "$$folder" && apt-get download -qq $(1)) 2>/dev/null || { $$as_root apt-get update -qq && (cd "$$folder" && apt-get download -qq $(1)); }; } && \
	    dpkg-deb --fsys-tarfile "$$folder"/*.deb | tar -x -C $(2) ./usr/bin; \
	    code=$$?; rm -rf "$$folder"; [ $$code = 0 ]; }
endef

$(VENV): tests/requirements.txt
	@python3 -c 'import venv, ensurepip' 2>/dev/null || { echo 'Python 3 with venv is missing: on Debian, apt install python3-venv' >&2; exit 2; }
	@rm -rf .venv && python3 -m venv .venv
	@.venv/bin/pip install -q -r tests/requirements.txt || { rm -rf .venv; echo 'the packages of tests/requirements.txt could not be installed: is PyPI reachable?' >&2; exit 2; }
	@touch $@

# The fields of ECS, which no package of PyPI has.
$(ECS): $(VENV) | npm
	@npm install --silent --no-save --no-package-lock --ignore-scripts --prefix .venv @elastic/ecs@$(@:.venv/ecs-%.json=%) || \
	  { echo 'the npm package @elastic/ecs could not be installed: is the npm registry reachable?' >&2; exit 2; }
	@node -p 'JSON.stringify(require("./.venv/node_modules/@elastic/ecs").EcsFlat)' > $@

# The schemas of the resources of Istio and Envoy Gateway, as validators.
$(CRDS): $(VENV) | npm
	@npm install --silent --no-save --no-package-lock --ignore-scripts --prefix .venv/crds @kubernetes-models/istio@3.0.1 @kubernetes-models/envoy-gateway@2.0.0 || \
	  { echo 'the npm packages of @kubernetes-models could not be installed: is the npm registry reachable?' >&2; exit 2; }
	@touch $@

# What editors know YAML by.
$(EDITORS): $(VENV) | npm
	@npm install --silent --no-save --no-package-lock --ignore-scripts --prefix .venv/editors yaml-language-server@1.25.0 || \
	  { echo 'the npm package yaml-language-server could not be installed: is the npm registry reachable?' >&2; exit 2; }
	@touch $@
