#include "images/store/platform.h"

#include <vector>

#include "base/text.h"
#include "images/store/image.h"

namespace stack::images {

namespace {

// 386 runs on amd64, but comes after every amd64 image.
constexpr int kForeignWord = 100;

bool is_known_os(std::string_view text) {
  return text == "linux" || text == "windows" || text == "darwin" || text == "freebsd";
}

int number_of(const std::string& variant) {
  return variant.size() == 2 && variant[0] == 'v' && variant[1] >= '0' && variant[1] <= '9' ? variant[1] - '0'
                                                                                            : -1;
}

// A machine of variant vN runs images for v1 to vN of the same architecture.
std::optional<int> variant_distance(const Platform& wanted, const Platform& offered) {
  if (wanted.variant == offered.variant) return 0;
  int lowest = wanted.architecture == "arm64" ? 8 : wanted.architecture == "amd64" ? 1 : 7;
  int most = wanted.variant.empty() ? lowest : number_of(wanted.variant);
  int has = offered.variant.empty() ? lowest : number_of(offered.variant);
  if (most < 0 || has < 0 || has > most) return std::nullopt;
  return most - has;
}

}  // namespace

Platform normalized(Platform platform) {
  Platform out{lower(platform.os), lower(platform.architecture), lower(platform.variant)};
  if (out.os == "macos") out.os = "darwin";
  if (out.architecture == "x86_64" || out.architecture == "x86-64") out.architecture = "amd64";
  if (out.architecture == "i386" || out.architecture == "i686") out.architecture = "386";
  if (out.architecture == "aarch64") out.architecture = "arm64";
  if (out.architecture == "armhf") out = {out.os, "arm", "v7"};
  if (out.architecture == "armel") out = {out.os, "arm", "v6"};
  if (out.variant == "7" || out.variant == "8" || out.variant == "6" || out.variant == "5")
    out.variant.insert(0, "v");
  if (out.architecture == "arm64" && out.variant == "v8") out.variant.clear();
  if (out.architecture == "amd64" && out.variant == "v1") out.variant.clear();
  if (out.architecture == "arm" && out.variant.empty()) out.variant = "v7";
  return out;
}

Platform host_platform() { return normalized({"linux", host_architecture(), ""}); }

Result<Platform> parse_platform(std::string_view text) {
  std::vector<std::string> parts = split(text, '/');
  Error bad = invalid("invalid platform \"" + std::string(text) + "\": must be OS/ARCHITECTURE[/VARIANT]");
  for (const std::string& part : parts)
    if (part.empty()) return bad;
  Platform host = host_platform();
  if (parts.size() == 1) {
    if (is_known_os(lower(parts[0]))) return normalized({parts[0], host.architecture, host.variant});
    return normalized({"linux", parts[0], ""});
  }
  if (parts.size() > 3) return bad;
  return normalized({parts[0], parts[1], parts.size() == 3 ? parts[2] : ""});
}

std::string platform_text(const Platform& platform) {
  std::string out = platform.os + "/" + platform.architecture;
  return platform.variant.empty() ? out : out + "/" + platform.variant;
}

std::optional<int> platform_distance(const Platform& wanted, const Platform& offered) {
  if (wanted.os != offered.os) return std::nullopt;
  if (wanted.architecture == offered.architecture) return variant_distance(wanted, offered);
  if (wanted.architecture == "amd64" && offered.architecture == "386") return kForeignWord;
  return std::nullopt;
}

}  // namespace stack::images
