// The packages that an image's package databases list: dpkg (deb) and apk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/layer/layer_view.h"

namespace stack::builder {

struct InstalledPackage {
  std::string type;  // of the package URL: "deb", "apk"
  std::string name;
  std::string version;
  std::string architecture;
  std::string source;    // source package, "" = the name
  std::string license;   // as the database states it; may be ""
  std::string supplier;  // the maintainer
  std::string homepage;
  auto operator<=>(const InstalledPackage&) const = default;
};

// The contents of a dpkg status file: stanzas of "Field: value" lines, with continuation lines. Only installed packages;
// stanzas without "Status" (distroless images) count as installed.
std::vector<InstalledPackage> parse_dpkg_status(std::string_view text);
// The contents of apk's "installed" file: stanzas of "P:name" lines.
std::vector<InstalledPackage> parse_apk_installed(std::string_view text);

// ID and VERSION_ID of os-release(5).
struct Distribution {
  std::string id;
  std::string version;
};
Distribution parse_os_release(std::string_view text);

struct PackageList {
  Distribution distribution;
  bool has_database = false;
  std::vector<InstalledPackage> packages;  // sorted, each once
};
Result<PackageList> list_packages(const images::LayerView& view);

// "pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12".
std::string package_purl(const InstalledPackage& package, const Distribution& distribution);

}  // namespace stack::builder
