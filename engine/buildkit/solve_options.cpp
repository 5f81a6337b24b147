// Options of BuildKit's Dockerfile frontend (moby/buildkit, frontend/dockerui).
#include <algorithm>
#include <charconv>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/buildkit/solve_build.h"
#include "images/builder/attest/provenance.h"
#include "images/builder/frontend/dockerfile.h"
#include "images/builder/frontend/flags.h"
#include "images/builder/worker/host_environment.h"

namespace stack::engine {

namespace {

constexpr std::string_view kArgument = "build-arg:";
constexpr std::string_view kLabel = "label:";
constexpr std::string_view kAttestation = "attest:";

Result<int64_t> number_of(const std::string& option, const std::string& text) {
  int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0)
    return invalid(option + ": not a number: " + text);
  return value;
}

// "nofile=1024:2048,nproc=3".
Result<> read_ulimits(const std::string& text, builder::BuildRequest& out) {
  for (const std::string& item : split(text, ',')) {
    size_t equals = item.find('=');
    if (equals == std::string::npos) return invalid("ulimit: not NAME=SOFT:HARD: " + item);
    std::string limits = item.substr(equals + 1);
    size_t colon = limits.find(':');
    TRY_ASSIGN(int64_t soft, number_of("ulimit", limits.substr(0, colon)));
    TRY_ASSIGN(int64_t hard,
               number_of("ulimit", colon == std::string::npos ? limits : limits.substr(colon + 1)));
    out.ulimits.push_back({item.substr(0, equals), soft, hard});
  }
  return {};
}

// Our own words for a cache: "type=registry,ref=...".
Result<> add_cache(const SolveCache& cache, bool is_target, std::vector<builder::CacheLocation>& out) {
  if (cache.type != "registry" && cache.type != "inline")
    return unsupported("caches of type " + cache.type + " are not supported here: use registry or inline");
  std::string text = "type=" + cache.type;
  for (const char* name : {"ref", "mode", "ignore-error"})
    if (auto value = cache.attributes.find(name); value != cache.attributes.end())
      text += std::string(",") + name + "=" + value->second;
  TRY_ASSIGN(builder::CacheLocation location, builder::parse_cache_location(text, is_target));
  out.push_back(std::move(location));
  return {};
}

// A JSON list of {"Type","Attrs"}.
Result<> read_cache_imports(const std::string& text, builder::BuildRequest& out) {
  TRY_ASSIGN(Json list, parse_json(text).in("cache-imports"));
  for (const Json& item : list.is_array() ? list : Json::array()) {
    SolveCache cache{string_or(item, "Type"), {}};
    if (item.contains("Attrs") && item["Attrs"].is_object())
      for (const auto& [name, value] : item["Attrs"].items())
        if (value.is_string()) cache.attributes[name] = value.get<std::string>();
    TRY(add_cache(cache, false, out.cache_from));
  }
  return {};
}

Result<> read_option(const std::string& name, const std::string& value, builder::BuildRequest& out) {
  if (name.starts_with(kArgument)) {
    out.args[name.substr(kArgument.size())] = value;
  } else if (name.starts_with(kLabel)) {
    out.labels[name.substr(kLabel.size())] = value;
  } else if (name.starts_with(kAttestation)) {
    std::string type(name.substr(kAttestation.size()));
    return builder::add_attestations(out.attestations, {"type=" + type + (value.empty() ? "" : "," + value)});
  } else if (name == "vcs:source" || name == "vcs:revision") {
    out.vcs[name] = builder::without_credentials(value);
  } else if (name == "target") {
    out.target = value;
  } else if (name == "no-cache") {
    out.no_cache = value.empty();
    if (!value.empty()) out.no_cache_stages = split(value, ',');
  } else if (name == "image-resolve-mode") {
    out.pull = value == "pull";
  } else if (name == "platform") {
    if (value.find(',') != std::string::npos)
      return unsupported("only one platform per build is supported, not " + value);
    out.platform = value;
  } else if (name == "add-hosts") {
    for (std::string host : split(value, ',')) {
      if (size_t equals = host.find('='); equals != std::string::npos) host[equals] = ':';
      out.extra_hosts.push_back(std::move(host));
    }
  } else if (name == "force-network-mode") {
    set_network(out, value);
  } else if (name == "shm-size") {
    TRY_ASSIGN(out.shm_size.bytes, number_of(name, value));
  } else if (name == "ulimit") {
    return read_ulimits(value, out);
  } else if (name == "cache-imports") {
    return read_cache_imports(value, out);
  } else if (name == "requestid" && value == "frontend.lint") {
    out.check_only = true;
  } else if (name == "requestid") {
    return unsupported("the request " + value + " is not supported: only builds are");
  }
  return {};
}

// NAME of every NAME[,NAME...] attribute of exporters that keep or push the image.
std::vector<std::string> tags_of(const SolveRequest& request) {
  std::vector<std::string> tags;
  for (const SolveExporter& exporter : request.exporters) {
    auto names = exporter.attributes.find("name");
    if (names == exporter.attributes.end() || exporter.type == "local" || exporter.type == "tar") continue;
    for (const std::string& name : split(names->second, ','))
      if (!name.empty() && std::find(tags.begin(), tags.end(), name) == tags.end()) tags.push_back(name);
  }
  return tags;
}

bool carries_attestations(const SolveRequest& request) {
  return std::any_of(request.exporters.begin(), request.exporters.end(), [](const SolveExporter& exporter) {
    auto push = exporter.attributes.find("push");
    bool pushes = push != exporter.attributes.end() && push->second == "true";
    return exporter.type == "oci" || (exporter.type == "image" && pushes);
  });
}

}  // namespace

Result<builder::BuildRequest> read_options(const SolveRequest& request,
                                           const std::map<std::string, std::string>& options) {
  builder::BuildRequest out;
  out.apt_configuration = builder::find_apt_configuration();
  out.proxy_environment = own_proxy_settings();
  for (const auto& [name, value] : options) TRY(read_option(name, value, out));
  // Clients ask for provenance in every build, for results that can carry it: a push or an OCI archive.
  if (!carries_attestations(request))
    std::erase_if(out.attestations, [](const builder::AttestationRequest& item) { return item.only_inline; });
  for (const SolveCache& cache : request.cache_imports) TRY(add_cache(cache, false, out.cache_from));
  for (const SolveCache& cache : request.cache_exports) TRY(add_cache(cache, true, out.cache_to));
  for (const std::string& right : request.entitlements) {
    out.allow_host_network = out.allow_host_network || right == "network.host";
    out.allow_insecure = out.allow_insecure || right == "security.insecure";
  }
  for (const std::string& tag : tags_of(request)) {
    TRY_ASSIGN(Reference reference, parse_reference(tag));
    out.tags.push_back(std::move(reference));
  }
  return out;
}

std::vector<std::string> ignore_patterns(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string& line : split(text, '\n')) {
    if (line.starts_with('#')) continue;
    std::string pattern(trim(line));
    bool keeps = pattern.starts_with('!');
    if (keeps) pattern = std::string(trim(pattern.substr(1)));
    if (pattern.empty()) continue;
    // Patterns are relative to the context however they are written.
    pattern = clean_path("/" + pattern).substr(1);
    if (pattern.empty()) pattern = ".";
    out.push_back((keeps ? "!" : "") + pattern);
  }
  return out;
}

DockerfileNeeds needs_of(const std::string& dockerfile) {
  DockerfileNeeds needs;
  Result<builder::Dockerfile> parsed = builder::parse_dockerfile(dockerfile, "Dockerfile");
  if (!parsed) return needs;  // the builder says what is wrong
  constexpr std::string_view kMount = "--mount=";
  constexpr std::string_view kFrom = "--from=";
  for (const builder::Instruction& instruction : parsed->instructions) {
    if (instruction.keyword == "from" && !instruction.words.empty())
      needs.images.push_back(instruction.words[0]);
    for (const std::string& flag : instruction.flags) {
      if (flag.starts_with(kFrom)) needs.images.push_back(flag.substr(kFrom.size()));
      Result<builder::MountOptions> mount = flag.starts_with(kMount)
                                                ? builder::parse_mount(flag.substr(kMount.size()))
                                                : Result<builder::MountOptions>(invalid("no mount"));
      if (!mount) continue;
      const std::string& place = mount->target.empty() ? mount->source : mount->target;
      if (mount->type == builder::MountType::Secret)
        needs.secrets.push_back(mount->id.empty() ? base_name(place) : mount->id);
      if (mount->type == builder::MountType::Ssh)
        needs.agents.push_back(mount->id.empty() ? "default" : mount->id);
      if (!mount->from.empty()) needs.images.push_back(mount->from);
    }
  }
  return needs;
}

namespace {

// The fields of a cache entry as filters see them.
std::optional<std::string> filter_field(const builder::CacheEntry& entry, std::string_view name) {
  if (name == "id") return entry.id;
  if (name == "type") return entry.is_mount ? "exec.cachemount" : "regular";
  if (name == "description" || name == "parent") return "";
  if (name == "inuse") return entry.in_use ? "true" : "";
  if (name == "mutable") return entry.is_mount ? "true" : "";
  if (name == "immutable") return entry.is_mount ? "" : "true";
  if (name == "shared") return entry.shared ? "true" : "";
  if (name == "private") return entry.shared ? "" : "true";
  return std::nullopt;
}

Result<bool> matches_condition(const builder::CacheEntry& entry, const std::string& condition) {
  size_t end = condition.find_first_of("=!~");
  std::string name(trim(std::string_view(condition).substr(0, end)));
  std::optional<std::string> field = filter_field(entry, name);
  if (!field) return unsupported("the filter " + name + " is not supported");
  if (end == std::string::npos) return !field->empty();
  std::string_view operation = std::string_view(condition).substr(end, 2);
  std::string value(trim(std::string_view(condition).substr(std::min(end + 2, condition.size()))));
  if (value.size() > 1 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  if (operation == "==") return *field == value;
  if (operation == "!=") return *field != value;
  if (operation == "~=") return field->find(value) != std::string::npos;
  return invalid("invalid filter " + condition);
}

}  // namespace

Result<bool> matches_prune_filter(const builder::CacheEntry& entry, const std::string& filter) {
  for (const std::string& condition : split(filter, ',')) {
    if (trim(condition).empty()) continue;
    TRY_ASSIGN(bool matches, matches_condition(entry, condition));
    if (!matches) return false;
  }
  return true;
}

}  // namespace stack::engine
