#include "cli/cluster/project_images.h"

#include "base/text.h"
#include "cli/cluster/project_load.h"
#include "cli/flags/commands.h"
#include "cli/session/image_transfer.h"
#include "cli/session/member.h"
#include "http/wire/query.h"
#include "orchestrator/targets/fidelity.h"

namespace stack::cli::cluster {

namespace {

// "registry:5000/web:1" -> "registry:5000/web", "1".
std::pair<std::string, std::string> split_tag(const std::string& reference) {
  size_t colon = reference.rfind(':');
  size_t slash = reference.rfind('/');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash))
    return {reference, "latest"};
  return {reference.substr(0, colon), reference.substr(colon + 1)};
}

struct Pushed {
  std::string service;
  std::string image;   // local name
  std::string target;  // name in the registry
};

Result<std::vector<Pushed>> images_to_push(const compose::Project& project, const std::string& registry) {
  std::vector<Pushed> out;
  for (const auto& [name, service] : project.services) {
    if (!service.build) continue;
    std::string image = compose::image_name(project, service);
    if (!registry.empty()) {
      out.push_back({name, image, pushed_name(registry, image)});
    } else if (names_registry(image)) {
      out.push_back({name, image, image});
    } else {
      std::string place(compose::origin_of(project, targets::pointer_to("/services", name)));
      return invalid((place.empty() ? "" : place + ": ") + "service " + name +
                     " is built here, so its image must be pushed: name a registry with --push-to");
    }
  }
  return out;
}

// The digest of the image's last push to that repository, or "".
Result<std::string> digest_of(Session& session, const std::string& image, const std::string& repository) {
  TRY_ASSIGN(Json inspected, session.call("GET", "/images/" + http::percent_encode(image) + "/json"));
  const Json& digests = member(inspected, "RepoDigests");
  if (digests.is_array())
    for (const Json& digest : digests) {
      std::string text = digest.is_string() ? digest.get<std::string>() : "";
      if (text.starts_with(repository + "@")) return text;
    }
  return std::string();
}

Result<> build_and_push(Session& session, const std::vector<Pushed>& images, bool build) {
  if (images.empty()) return {};
  if (build) {
    Arguments services;
    for (const Pushed& one : images) services.words.push_back(one.service);
    TRY_ASSIGN(int code, kBuild.run(session, services));
    if (code != 0) return already_said();
  }
  std::vector<std::string> references;
  for (const Pushed& one : images) {
    auto [repository, tag] = split_tag(one.target);
    references.push_back(repository + ":" + tag);
    if (one.target != one.image) {
      TRY(session
              .call("POST", "/images/" + http::percent_encode(one.image) + "/tag?repo=" +
                                http::percent_encode(repository) + "&tag=" + http::percent_encode(tag))
              .map([](auto&&) {})
              .map_error([&](Error error) { return std::move(error).in("service " + one.service); }));
    }
  }
  ImageTransferOptions options;
  options.push = true;
  TRY_ASSIGN(int code, transfer_images(session, references, options));
  if (code != 0) return already_said();
  return {};
}

}  // namespace

bool names_registry(const std::string& image) {
  size_t slash = image.find('/');
  if (slash == std::string::npos) return false;
  std::string host = image.substr(0, slash);
  return host.find_first_of(".:") != std::string::npos;
}

std::string pushed_name(const std::string& registry, const std::string& image) {
  std::string path = image;
  size_t slash = path.find('/');
  std::string host = slash == std::string::npos ? "" : path.substr(0, slash);
  if (host.find_first_of(".:") != std::string::npos || host == "localhost") path.erase(0, slash + 1);
  std::string prefix = registry;
  while (prefix.ends_with("/")) prefix.pop_back();
  return prefix + "/" + path;
}

// Images that the project builds get the name that `deploy --push-to` gives them, without the digest.
void name_pushed_images(const compose::Project& project, const std::string& registry,
                        std::map<std::string, targets::ImageFacts>& images) {
  for (const auto& [name, service] : project.services) {
    if (!service.build) continue;
    std::string image = compose::image_name(project, service);
    images[image].reference = pushed_name(registry, image);
  }
}

Result<std::map<std::string, targets::ImageFacts>> project_images(Session& session,
                                                                  const compose::Project& project,
                                                                  const Arguments& arguments, bool transfer) {
  TRY_ASSIGN(std::vector<Pushed> images, images_to_push(project, arguments.text("push-to")));
  if (transfer) TRY(build_and_push(session, images, !arguments.is_set("no-build")));
  std::map<std::string, targets::ImageFacts> facts = image_facts(session, project);
  for (const Pushed& one : images) {
    auto [repository, tag] = split_tag(one.target);
    auto digest = digest_of(session, repository + ":" + tag, repository);
    if (!digest && transfer) return std::move(digest).error().in("service " + one.service);
    bool known = digest && !digest->empty();
    if (!known && transfer)
      return Error("service " + one.service + ": the push to " + one.target + " returned no digest");
    facts[one.image].reference = known ? *digest : repository + ":" + tag;
  }
  return facts;
}

}  // namespace stack::cli::cluster
