################################################################################
#
# edgeban
#
################################################################################

# Built from the checkout that this tree is part of, so there is no version.
EDGEBAN_SITE = $(BR2_EXTERNAL_EDGEBAN_PATH)/..
EDGEBAN_SITE_METHOD = local
EDGEBAN_LICENSE = MIT
EDGEBAN_LICENSE_FILES = LICENSE

# Other builds' output: nothing of it is used, and it may be large.
EDGEBAN_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = --exclude /target --exclude /buildroot

# Buildroot vendors the crates of what it downloads, but not of a local package.
# A checkout that has a VENDOR directory is built as it is, without network.
define EDGEBAN_VENDOR_CRATES
	test -d $(EDGEBAN_OVERRIDE_SRCDIR)/VENDOR || { \
		cd $(@D) && mkdir -p .cargo $(BR_CARGO_HOME) && \
		$(TARGET_MAKE_ENV) $(PKG_COMMON_CARGO_ENV) \
			flock $(BR_CARGO_HOME)/.br-lock \
			cargo vendor --locked VENDOR >.cargo/config.toml; \
	}
endef
EDGEBAN_PRE_CONFIGURE_HOOKS += EDGEBAN_VENDOR_CRATES

# The profile of Cargo.toml, which keeps the program small, and which Buildroot's
# environment overrides. Stripping is left to Buildroot.
EDGEBAN_CARGO_ENV = \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=s \
	CARGO_PROFILE_RELEASE_LTO=fat \
	CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
	CARGO_PROFILE_RELEASE_STRIP=none

# As image/build links: static, at a fixed address.
EDGEBAN_RUSTFLAGS = \
	-C target-feature=+crt-static \
	-C relocation-model=static

ifeq ($(BR2_TOOLCHAIN_USES_MUSL),y)
# The toolchain's musl, not the one that comes with rustc. It needs no tables for
# unwinding, but gcc's crtbeginT.o refers to them: so it is left out, and musl's
# own start files are named.
EDGEBAN_CRT = $(shell $(TARGET_CC) -print-file-name=$(1))
EDGEBAN_RUSTFLAGS += \
	-C link-self-contained=no \
	-C link-arg=-nostartfiles \
	-C link-arg=$(call EDGEBAN_CRT,crt1.o) \
	-C link-arg=$(call EDGEBAN_CRT,crti.o) \
	-C link-arg=-Wl,-Bstatic,--start-group,-lc,-lgcc,--end-group \
	-C link-arg=$(call EDGEBAN_CRT,crtn.o) \
	-C link-arg=-Wl,--no-eh-frame-hdr,-T,$(@D)/image/link.ld
else
# glibc's start-up code contains what unwinds.
EDGEBAN_RUSTFLAGS += \
	-C link-arg=-Wl,-Bstatic,--start-group,-lc,-lgcc,-lgcc_eh,--end-group
endif

# Always optimized: an unoptimized program without std asks for functions that
# only std has.
define EDGEBAN_BUILD_CMDS
	cd $(@D) && \
	$(TARGET_MAKE_ENV) \
		$(TARGET_CONFIGURE_OPTS) \
		$(PKG_CARGO_ENV) \
		$(EDGEBAN_CARGO_ENV) \
		cargo rustc \
			--offline \
			--release \
			--locked \
			--target-dir target \
			--package edgeban \
			-- $(EDGEBAN_RUSTFLAGS)
endef

define EDGEBAN_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/target/$(RUSTC_TARGET_NAME)/release/edgeban \
		$(TARGET_DIR)/usr/sbin/edgeban
endef

define EDGEBAN_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(EDGEBAN_PKGDIR)/S60edgeban \
		$(TARGET_DIR)/etc/init.d/S60edgeban
endef

define EDGEBAN_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/image/install.d/edgeban.service \
		$(TARGET_DIR)/usr/lib/systemd/system/edgeban.service
endef

define EDGEBAN_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_NETFILTER)
	$(call KCONFIG_ENABLE_OPT,CONFIG_IPV6)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_TABLES)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_TABLES_INET)
	$(call KCONFIG_ENABLE_OPT,CONFIG_EPOLL)
	$(call KCONFIG_ENABLE_OPT,CONFIG_SIGNALFD)
	$(call KCONFIG_ENABLE_OPT,CONFIG_INOTIFY_USER)
endef

$(eval $(cargo-package))
