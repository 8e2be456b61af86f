# The front door. Everything is built by Meson and Ninja in build/ (B=folder for another).
B ?= build
CC ?= gcc

DEPS = build-essential meson ninja-build pkg-config clang clang-tidy libclang-rt-14-dev cppcheck gettext scdoc mandoc man-db \
	libcmocka-dev libpcre2-dev libjansson-dev libcyaml-dev libssl-dev libgsasl-dev zlib1g-dev libzstd-dev libseccomp-dev libpcap-dev libevent-dev \
	python3 hyperfine zstd
# For tests alone: pages are looked at in a real browser.
TEST_DEPS = chromium chromium-driver

.PHONY: all deps build-deps build unit demo check bench fuzz install clean pot
all: build

deps:
	@sh tools/deps.sh $(DEPS) $(TEST_DEPS)

build-deps:
	@sh tools/deps.sh $(DEPS)

build:
	@sh tools/configure.sh $(B) $(MESONFLAGS)
	@ninja -C $(B)

unit: build
	@meson test -C $(B) --print-errorlogs

demo: build-deps build
	@sh tools/demo.sh $(B)/telltale

check: deps
	@bash tools/check.sh

bench: build
	@bash bench/run.sh $(B)/telltale

fuzz:
	@bash tests/fuzz/run.sh $(FUZZTIME)

pot: build
	@sh tools/pot.sh $(B)

install: build
	@meson install -C $(B)

clean:
	rm -rf build build-*
