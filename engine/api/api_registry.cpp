// Requests to registries: Docker's pull, push, auth, and distribution, and our own transfers.
#include "docker/registry_auth.h"
#include "docker/transfer_message.h"
#include "engine/api/body_shape.h"
#include "engine/api/image_transfer.h"
#include "engine/api/stream_queue.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;
using images::registry::LayerPhase;

// The credentials of X-Registry-Auth apply only to the image's own registry.
Result<Caller> caller_from(const Request& request, const std::string& registry) {
  Caller caller;
  TRY_ASSIGN(RegistryCredentials credentials,
             docker::read_auth_header(request.headers.get("X-Registry-Auth")));
  if (!credentials.empty()) caller.keyring[registry] = std::move(credentials);
  caller.proxy = own_proxy_settings();
  return caller;
}

// Docker's words for a layer's phases.
OrderedJson layer_message(const TransferEvent& event) {
  switch (event.phase) {
    case LayerPhase::Present:
      return docker::status_message("Already exists", event.layer);
    case LayerPhase::Waiting:
      return docker::status_message("Pulling fs layer", event.layer);
    case LayerPhase::Downloading:
      return docker::progress_message("Downloading", event.layer, event.current, event.total);
    case LayerPhase::Verifying:
      return docker::status_message("Verifying Checksum", event.layer);
    case LayerPhase::Downloaded:
      return docker::status_message("Download complete", event.layer);
    case LayerPhase::Extracting:
      return docker::progress_message("Extracting", event.layer, event.current, event.total);
    case LayerPhase::Complete:
      return docker::status_message("Pull complete", event.layer);
    case LayerPhase::Uploading:
      return docker::progress_message("Pushing", event.layer, event.current, event.total);
    case LayerPhase::Mounted:
      return docker::status_message("Mounted", event.layer);
    case LayerPhase::Pushed:
      break;
  }
  return docker::status_message("Pushed", event.layer);
}

// fromImage and tag: the tag may be a digest.
Result<Reference> reference_from(const Request& request) {
  std::string name = request.query.get("fromImage");
  std::string tag = request.query.get("tag");
  if (!tag.empty()) name += (tag.find(':') != std::string::npos ? "@" : ":") + tag;
  return parse_reference(name);
}

// The image of a Docker request and its caller.
struct NamedImage {
  Reference reference;
  Caller caller;
};

Result<NamedImage> named_image(const Request& request, Result<Reference> reference) {
  if (!reference) return std::move(reference).error();
  TRY_ASSIGN(Caller caller, caller_from(request, reference->domain));
  return NamedImage{std::move(*reference), std::move(caller)};
}

struct PullJob {
  Services& services;
  Response& response;
  RegistryService::Wanted wanted;
  Reference reference;
  std::stop_token stop;
};

// Clients look for Docker's own words.
Error pull_error(const images::registry::RegistryError& failed, const Reference& reference) {
  using images::registry::Failure;
  bool missing = failed.failure == Failure::NotFound || failed.failure == Failure::Denied;
  if (!missing) return failed.error;
  return Error(failed.error.kind(), "pull access denied for " + reference.familiar_name() +
                                        ", repository does not exist or may require 'docker login': " +
                                        failed.error.text());
}

Task<> run_pull(PullJob job, Sink sink) {
  auto started = std::make_shared<bool>(false);
  Reference reference = job.reference;
  TransferSink transfers = [sink, started, reference](const TransferEvent& event) {
    if (!*started)
      sink(docker::status_message("Pulling from " + reference.path,
                                  reference.digest.empty() ? reference.tag : reference.digest));
    *started = true;
    sink(event.layer.empty() ? docker::status_message(event.text) : layer_message(event));
  };
  Pulled pulled = co_await job.services.registries.pull(std::move(job.wanted), transfers, job.stop);
  if (!pulled) {
    Error error = pull_error(pulled.error(), reference);
    if (*started) {
      sink(docker::error_message(error.text()));
    } else {
      job.response.error(error);
    }
    co_return;
  }
  std::string name = reference.familiar();
  if (!*started) sink(docker::status_message("Pulling from " + reference.path, reference.tag));
  sink(docker::status_message("Digest: " + pulled->digest));
  sink(docker::status_message(
      (pulled->changed ? "Status: Downloaded newer image for " : "Status: Image is up to date for ") + name));
  job.services.context.events.publish("image", "pull", name, {{"name", reference.familiar_name()}});
}

}  // namespace

Task<> pull_image(Services& s, Request& request, Response& response) {
  Result<NamedImage> image = named_image(request, reference_from(request));
  if (!image) {
    response.error(image.error());
    co_return;
  }
  std::stop_source stop;
  RegistryService::Wanted wanted{image->reference.full(), request.query.get("platform"),
                                 std::move(image->caller)};
  PullJob job{s, response, std::move(wanted), image->reference, stop.get_token()};
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([&stop, queue] {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, run_pull(std::move(job), queue->sink()), "application/json", true);
}

namespace {

Task<> check_auth(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  if (!body) {
    response.error(body.error());
    co_return;
  }
  std::string registry = registry_key(string_or(*body, "serveraddress"));
  if (registry.empty()) registry = "docker.io";
  Caller caller;
  caller.keyring[registry] = docker::credentials_from_json(*body);
  caller.proxy = own_proxy_settings();
  std::stop_source stop;
  request.on_client_gone([&stop] { stop.request_stop(); });
  Result<> checked = co_await s.registries.check_login(registry, std::move(caller), stop.get_token());
  if (checked) {
    response.json(200, {{"Status", "Login Succeeded"}, {"IdentityToken", ""}});
  } else if (checked.error().kind() == ErrorKind::Invalid) {
    response.error(401, checked.error().text());
  } else {
    response.error(checked.error());
  }
}

// Our own clients send credentials for several registries in X-Registry-Config.
Task<> transfer(Services& s, Request& request, Response& response, bool push) {
  Result<Json> body = co_await request.body.read_object();
  if (body) body = check_shape(std::move(*body), transfer_body());
  Result<RegistryKeyring> keyring = docker::read_config_header(request.headers.get("X-Registry-Config"));
  if (!body || !keyring) {
    response.error(body ? keyring.error() : body.error());
    co_return;
  }
  std::stop_source stop;
  ImageTransfer wanted;
  wanted.push = push;
  if (body->contains("references")) wanted.references = (*body)["references"].get<std::vector<std::string>>();
  wanted.platform = string_or(*body, "platform");
  wanted.ignore_failures = bool_or(*body, "ignore_failures");
  BuildSettings network = build_settings_from(body->value("network", Json::object()));
  wanted.caller.keyring = std::move(*keyring);
  wanted.caller.proxy = network.proxy.empty() ? own_proxy_settings() : network.proxy;
  if (!network.ca_bundle.empty()) wanted.caller.ca_files.push_back(network.ca_bundle);
  wanted.stop = stop.get_token();
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([&stop, queue] {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, transfer_images(s, std::move(wanted), queue->sink()));
}

struct PushJob {
  Services& services;
  Response& response;
  RegistryService::Wanted wanted;
  Reference reference;
  std::stop_token stop;
};

Task<> run_push(PushJob job, Sink sink) {
  Reference reference = job.reference;
  sink(docker::status_message("The push refers to repository [" + reference.domain + "/" + reference.path +
                              "]"));
  TransferSink transfers = [sink](const TransferEvent& event) {
    bool waits = event.phase == LayerPhase::Waiting && !event.layer.empty();
    bool present = event.phase == LayerPhase::Present;
    sink(waits                 ? docker::status_message("Preparing", event.layer)
         : present             ? docker::status_message("Layer already exists", event.layer)
         : event.layer.empty() ? docker::status_message(event.text)
                               : layer_message(event));
  };
  auto pushed = co_await job.services.registries.push(std::move(job.wanted), transfers, job.stop);
  if (!pushed) {
    sink(docker::error_message(pushed.error().text()));
    co_return;
  }
  sink(docker::status_message(reference.tag + ": digest: " + pushed->digest +
                              " size: " + std::to_string(pushed->size)));
  OrderedJson aux{{"progressDetail", OrderedJson::object()},
                  {"aux", {{"Tag", reference.tag}, {"Digest", pushed->digest}, {"Size", pushed->size}}}};
  sink(std::move(aux));
  job.services.context.events.publish("image", "push", reference.familiar(),
                                      {{"name", reference.familiar_name()}});
}

Task<> push_image(Services& s, Request& request, Response& response) {
  std::string tag = request.query.get("tag");
  Result<NamedImage> image =
      named_image(request, parse_reference(request.param("name") + (tag.empty() ? "" : ":" + tag)));
  if (!image) {
    response.error(image.error());
    co_return;
  }
  if (!s.containers.parts().images.find(image->reference.full())) {
    response.error(404, "An image does not exist locally with the tag: " + image->reference.familiar_name());
    co_return;
  }
  std::stop_source stop;
  RegistryService::Wanted wanted{image->reference.full(), "", std::move(image->caller)};
  PushJob job{s, response, std::move(wanted), image->reference, stop.get_token()};
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([&stop, queue] {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, run_push(std::move(job), queue->sink()), "application/json", true);
}

Json platforms_of(const images::registry::Found& found) {
  Json out = Json::array();
  auto document = images::registry::parse_manifest(found.bytes, found.media_type);
  const auto* index = document ? std::get_if<images::registry::Index>(&*document) : nullptr;
  if (index == nullptr) {
    // A single image: its configuration has the platform.
    Result<Json> config = parse_json(found.config);
    if (!config) return out;
    Json platform{{"architecture", string_or(*config, "architecture")}, {"os", string_or(*config, "os")}};
    if (std::string variant = string_or(*config, "variant"); !variant.empty()) platform["variant"] = variant;
    out.push_back(std::move(platform));
    return out;
  }
  for (const images::registry::Descriptor& one : index->manifests) {
    if (!one.platform || one.attestation) continue;
    Json platform{{"architecture", one.platform->architecture}, {"os", one.platform->os}};
    if (!one.platform->variant.empty()) platform["variant"] = one.platform->variant;
    out.push_back(std::move(platform));
  }
  return out;
}

Task<> inspect_distribution(Services& s, Request& request, Response& response) {
  Result<NamedImage> image = named_image(request, parse_reference(request.param("name")));
  if (!image) {
    response.error(image.error());
    co_return;
  }
  std::stop_source stop;
  request.on_client_gone([&stop] { stop.request_stop(); });
  RegistryService::Wanted wanted{image->reference.full(), "", std::move(image->caller)};
  Result<images::registry::Found> found =
      co_await s.registries.look_up(std::move(wanted), stop.get_token(), true);
  if (!found) {
    response.error(found.error());
    co_return;
  }
  response.json(
      200, {{"Descriptor",
             {{"mediaType", found->media_type}, {"digest", found->digest}, {"size", found->bytes.size()}}},
            {"Platforms", platforms_of(*found)}});
}

}  // namespace

void add_registry_routes(http::Router& router, Services& s) {
  router.post("/images/{name...}/push",
              [&s](Request& q, Response& r) -> Task<> { co_await push_image(s, q, r); });
  router.post("/stack/v1/images/pull",
              [&s](Request& q, Response& r) -> Task<> { co_await transfer(s, q, r, false); });
  router.post("/stack/v1/images/push",
              [&s](Request& q, Response& r) -> Task<> { co_await transfer(s, q, r, true); });
  router.post("/auth", [&s](Request& q, Response& r) -> Task<> { co_await check_auth(s, q, r); });
  router.get("/distribution/{name...}/json",
             [&s](Request& q, Response& r) -> Task<> { co_await inspect_distribution(s, q, r); });
}

}  // namespace stack::engine
