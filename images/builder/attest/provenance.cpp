#include "images/builder/attest/provenance.h"

#include <algorithm>

#include "base/build_info.h"

namespace stack::builder {

namespace {

constexpr const char* kOldType = "https://slsa.dev/provenance/v0.2";
constexpr const char* kType = "https://slsa.dev/provenance/v1";
// Identifies the members of our own: options and steps of a Dockerfile build.
constexpr const char* kBuildType = "urn:stack:build:dockerfile:v1";

// Build arguments and labels may be confidential.
bool is_minimal(const std::string& option) {
  return !option.starts_with("build-arg:") && !option.starts_with("label:");
}

Json options_of(const BuildFacts& facts, bool maximal) {
  Json out = Json::object();
  for (const auto& [name, value] : facts.options)
    if (maximal || is_minimal(name)) out[name] = value;
  return out;
}

Json request_of(const BuildFacts& facts, bool maximal) {
  Json out{{"frontend", "dockerfile.v0"}, {"args", options_of(facts, maximal)}};
  Json locals = Json::array();
  if (facts.context.empty())
    for (const char* name : {"context", "dockerfile"}) locals.push_back({{"name", name}});
  out["locals"] = std::move(locals);
  if (!maximal) return out;
  for (const auto& [name, ids] : {std::pair{"secrets", &facts.secrets}, {"ssh", &facts.agents}}) {
    Json list = Json::array();
    for (const std::string& id : *ids) list.push_back({{"id", id}});
    out[name] = std::move(list);
  }
  return out;
}

Json material_json(const Material& material) {
  return {{"uri", material.uri}, {"digest", {{material.algorithm, material.digest}}}};
}

Json materials_of(const BuildFacts& facts) {
  std::vector<Material> sorted = facts.materials;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  Json out = Json::array();
  for (const Material& material : sorted) out.push_back(material_json(material));
  return out;
}

// The remote context with its digest, if it is one of the materials.
Json source_of(const BuildFacts& facts, const char* path_member) {
  Json out{{path_member, facts.file_name}};
  if (facts.context.empty()) return out;
  out["uri"] = facts.context;
  for (const Material& material : facts.materials)
    if (material.uri == facts.context) out["digest"] = {{material.algorithm, material.digest}};
  return out;
}

Json steps_of(const BuildFacts& facts) {
  Json out = Json::array();
  for (const auto& [instruction, layer] : facts.steps) {
    Json step{{"instruction", instruction}};
    if (!layer.empty()) step["layer"] = layer;
    out.push_back(std::move(step));
  }
  return out;
}

Json metadata_of(const BuildFacts& facts, bool maximal) {
  Json out{{"builder", std::string("stack ") + std::string(build_info().version)}};
  if (!maximal) return out;
  out["source"] = {{"filename", facts.file_name}, {"data", facts.dockerfile}};
  return out;
}

Json old_provenance(const BuildFacts& facts, const AttestationRequest& request) {
  bool max = request.maximal;
  Json out{
      {"builder", {{"id", request.builder_id}}},
      {"buildType", kBuildType},
      {"materials", materials_of(facts)},
      {"invocation",
       {{"configSource", source_of(facts, "entryPoint")},
        {"parameters", request_of(facts, max)},
        {"environment", {{"platform", facts.platform}}}}},
      {"metadata",
       {{"buildInvocationID", facts.invocation},
        {"buildStartedOn", facts.started},
        {"buildFinishedOn", facts.finished},
        {"completeness", {{"parameters", max}, {"environment", true}, {"materials", !facts.context.empty()}}},
        {"reproducible", request.reproducible},
        {"stack_hermetic", facts.hermetic},
        {"stack_metadata", metadata_of(facts, max)}}}};
  if (max) out["buildConfig"] = {{"steps", steps_of(facts)}};
  return out;
}

Json new_provenance(const BuildFacts& facts, const AttestationRequest& request) {
  bool max = request.maximal;
  Json internal{{"builderPlatform", facts.platform}};
  if (max) internal["buildConfig"] = {{"steps", steps_of(facts)}};
  return {{"buildDefinition",
           {{"buildType", kBuildType},
            {"externalParameters",
             {{"configSource", source_of(facts, "path")}, {"request", request_of(facts, max)}}},
            {"internalParameters", std::move(internal)},
            {"resolvedDependencies", materials_of(facts)}}},
          {"runDetails",
           {{"builder", {{"id", request.builder_id}}},
            {"metadata",
             {{"invocationId", facts.invocation},
              {"startedOn", facts.started},
              {"finishedOn", facts.finished},
              {"stack_hermetic", facts.hermetic},
              {"stack_reproducible", request.reproducible},
              {"stack_completeness", {{"request", max}, {"resolvedDependencies", !facts.context.empty()}}},
              {"stack_metadata", metadata_of(facts, max)}}}}}};
}

std::string percent_encoded(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                 (byte >= 'a' && byte <= 'z') || std::string_view("-._~:").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

}  // namespace

const char* provenance_type(const AttestationRequest& request) {
  return request.old_version ? kOldType : kType;
}

Json provenance(const BuildFacts& facts, const AttestationRequest& request) {
  return request.old_version ? old_provenance(facts, request) : new_provenance(facts, request);
}

std::string without_credentials(const std::string& url) {
  size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  size_t host = scheme + 3;
  size_t end = url.find_first_of("/?#", host);
  size_t at = url.substr(0, end).rfind('@');
  return at == std::string::npos || at < host ? url : url.substr(0, host) + url.substr(at + 1);
}

std::string image_purl(const std::string& familiar_name, const std::string& tag,
                       const std::string& platform) {
  std::string out = "pkg:docker/" + familiar_name;
  if (!tag.empty()) out += "@" + percent_encoded(tag);
  return out + "?platform=" + percent_encoded(platform);
}

}  // namespace stack::builder
