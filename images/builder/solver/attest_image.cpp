#include "images/builder/solver/attest_image.h"

#include <algorithm>
#include <chrono>

#include "base/files.h"
#include "base/identity.h"
#include "base/text.h"
#include "images/builder/attest/spdx.h"
#include "images/layer/layer_view.h"

namespace stack::builder {

namespace {

using Kind = AttestationRequest::Kind;

std::vector<AttestationRequest> wanted_attestations(const BuildRequest& request) {
  std::vector<AttestationRequest> out = request.attestations;
  if (request.tags.empty())
    std::erase_if(out, [](const AttestationRequest& item) { return item.only_inline; });
  return out;
}

std::map<std::string, std::string> frontend_options(const BuildRequest& request) {
  std::map<std::string, std::string> out = request.vcs;
  if (!request.target.empty()) out["target"] = request.target;
  if (!request.platform.empty()) out["platform"] = request.platform;
  if (request.no_cache) out["no-cache"] = "";
  // Proxies may contain passwords, and do not affect the result.
  for (const auto& [name, value] : request.args)
    if (value && !is_proxy_variable(name)) out["build-arg:" + name] = *value;
  for (const auto& [name, value] : request.labels) out["label:" + name] = value;
  for (const auto& [name, value] : request.named_contexts)
    out["context:" + name] = value.starts_with('/') ? "local:" + name : without_credentials(value);
  return out;
}

// A directory or a file of this machine says nothing elsewhere.
std::string remote_context(const BuildRequest& request) {
  const std::string& context = request.context_directory;
  return context.starts_with('/') ? std::string() : without_credentials(context);
}

BuildFacts facts_of(BuildJob& job, WallTime start) {
  const BuildRequest& request = job.request;
  BuildFacts out;
  out.started = rfc3339(start);
  out.finished = rfc3339(std::chrono::system_clock::now());
  out.invocation = random_hex(16);
  out.platform = "linux/" + images::host_architecture();
  out.file_name = job.file_name.starts_with('/') ? base_name(job.file_name) : job.file_name;
  out.context = remote_context(request);
  out.options = frontend_options(request);
  for (const BuildSecret& secret : request.secrets) out.secrets.push_back(secret.id);
  for (const BuildSsh& agent : request.ssh) out.agents.push_back(agent.id);
  out.materials = job.contexts.materials();
  out.hermetic = !job.uses_network;
  out.dockerfile = job.dockerfile_text;
  for (const CachedStep& step : job.steps()) out.steps.emplace_back(step.instruction, step.record.diff_id);
  return out;
}

std::vector<std::string> subject_names(const std::vector<Reference>& tags,
                                       const images::ImageDocument& document) {
  std::string platform = document.os + "/" + document.architecture;
  if (!document.variant.empty()) platform += "/" + document.variant;
  std::vector<std::string> out;
  for (const Reference& tag : tags) out.push_back(image_purl(tag.familiar_name(), tag.tag, platform));
  return out;
}

}  // namespace

Result<> check_attestations(const BuildRequest& request) {
  if (wanted_attestations(request).empty() || !request.tags.empty() || request.check_only) return {};
  return invalid("attestations require a name of the image, to which they belong: add a tag");
}

Result<> attest_image(BuildJob& job, const StageState& state, const images::Image& image,
                      const std::vector<Reference>& tags, WallTime start) {
  std::vector<AttestationRequest> wanted = wanted_attestations(job.request);
  if (wanted.empty()) return {};
  BuildEvent event;
  event.text = "attesting " + tags.front().familiar();
  job.emit(std::move(event));
  TRY_ASSIGN(images::StoredManifest stored, job.store.pack(image.id, images::Compression::Gzip));
  const std::string& digest = stored.descriptor.digest;
  std::vector<std::string> names = subject_names(tags, image.document);
  std::vector<images::AttestationStatement> statements;
  for (const AttestationRequest& request : wanted) {
    if (request.kind == Kind::Provenance) {
      statements.push_back(images::make_statement(provenance_type(request),
                                                  provenance(facts_of(job, start), request), digest, names));
      continue;
    }
    TRY_ASSIGN(images::LayerView view, images::LayerView::open(state.layer_dirs()));
    TRY_ASSIGN(Json sbom, make_sbom(view, {tags.front().familiar(), digest, image.created}).in("SBOM"));
    statements.push_back(images::make_statement(kSpdxType, sbom, digest, names));
  }
  TRY_ASSIGN(images::Image attested, job.store.attest(stored, statements, tags));
  (void)attested;
  return {};
}

}  // namespace stack::builder
