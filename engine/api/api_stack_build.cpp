// Builds for our own clients: from local directories, with progress as events.
#include <charconv>

#include "base/log.h"
#include "base/text.h"
#include "docker/registry_auth.h"
#include "engine/api/api.h"
#include "engine/api/body_shape.h"
#include "engine/api/stream_queue.h"
#include "engine/api/thread_stream.h"
#include "images/archive/image_archive.h"
#include "images/layer/view_tar.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

Task<> bootstrap_image(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  if (body) body = check_shape(std::move(*body), bootstrap_body());
  if (!body) {
    response.error(body.error());
    co_return;
  }
  std::stop_source stop;
  auto work = [&s, &stop](std::string reference, Sink sink) -> Task<> {
    BuildSink lines = [sink](const BuildLine& line) {
      if (!line.text.empty()) sink(build_event("", line));
    };
    Result<std::string> made = co_await s.builds.bootstrap(std::move(reference), lines, stop.get_token());
    if (made) {
      sink({{"event", "done"}, {"changed", 1}, {"image", *made}});
    } else {
      sink({{"event", "error"}, {"text", made.error().text()}, {"code", 1}, {"detail", Json::array()}});
    }
  };
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([&stop, queue] {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, work(string_or(*body, "reference"), queue->sink()));
}

compose::Build build_section(const Json& body) {
  compose::Build section;
  section.context = string_or(body, "context");
  section.dockerfile = string_or(body, "dockerfile");
  if (body.contains("dockerfile_inline")) section.dockerfile_inline = string_or(body, "dockerfile_inline");
  section.target = string_or(body, "target");
  section.network = string_or(body, "network");
  section.labels = body.value("labels", std::map<std::string, std::string>());
  section.extra_hosts = body.value("extra_hosts", std::vector<std::string>());
  section.ssh = body.value("ssh", std::vector<std::string>());
  section.additional_contexts = body.value("additional_contexts", std::map<std::string, std::string>());
  auto list = [&](const char* name) { return body.value(name, std::vector<std::string>()); };
  section.cache_from = list("cache_from");
  section.cache_to = list("cache_to");
  section.no_cache_filter = list("no_cache_filter");
  section.entitlements = list("entitlements");
  section.platforms = list("platforms");
  return section;
}

// "1024:2048", or one number for both.
Result<builder::RunUlimit> read_ulimit(const std::string& name, const std::string& text) {
  builder::RunUlimit out{name, 0, 0};
  size_t colon = text.find(':');
  std::string hard = colon == std::string::npos ? text : text.substr(colon + 1);
  auto number = [](const std::string& word, int64_t& value) {
    auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
    return problem == std::errc() && end == word.data() + word.size() && value >= -1;
  };
  if (!number(text.substr(0, colon), out.soft) || !number(hard, out.hard))
    return invalid("ulimit " + name + ": not SOFT or SOFT:HARD: " + text);
  return out;
}

Result<> read_limits(const Json& body, builder::BuildRequest& request) {
  if (std::string size = string_or(body, "shm_size"); !size.empty()) {
    TRY_ASSIGN(request.shm_size, parse_byte_size(size).in("shm_size"));
  }
  for (const auto& [name, text] : body.value("ulimits", std::map<std::string, std::string>())) {
    TRY_ASSIGN(builder::RunUlimit limit, read_ulimit(name, text));
    request.ulimits.push_back(std::move(limit));
  }
  return {};
}

// The final event for the caller.
Json build_done(const builder::BuildResult& built) {
  Json done{{"event", "done"}, {"changed", 1}, {"image", built.image_id}};
  if (!built.digest.empty()) done["digest"] = built.digest;
  Json warnings = Json::array();
  for (const builder::BuildWarning& warning : built.warnings)
    warnings.push_back(
        {{"rule", warning.rule}, {"file", warning.file}, {"line", warning.line}, {"text", warning.text}});
  done["warnings"] = std::move(warnings);
  return done;
}

// Sends the result of a build as a file: the tree of its image, or an archive like that of `save`. With `discard`,
// an image without a tag is removed afterward.
Task<> build_output(Services& s, Request& request, Response& response) {
  auto& store = s.containers.parts().images;
  Result<images::Image> image = store.resolve(request.query.get("image"));
  std::string form = request.query.get("form");
  if (image && form != "files" && form != "archive") image = invalid("form must be files or archive");
  if (!image) {
    response.error(image.error());
    co_return;
  }
  std::function<Result<>(const images::ByteSink&)> produce =
      [&store, image = *image, form](const images::ByteSink& sink) -> Result<> {
    if (form == "archive") {
      std::string name = image.repo_tags.empty() ? image.id : image.repo_tags.front();
      return images::save_images(store, {name}, sink);
    }
    TRY_ASSIGN(std::vector<images::LayerPin> pins, store.pin_layers(image));
    TRY_ASSIGN(images::LayerView view, images::LayerView::open(image.layer_dirs));
    return images::write_view_tar(view, sink);
  };
  co_await stream_from_thread(s.context.io, response, "application/x-tar", std::move(produce));
  if (!request.query.flag("discard")) co_return;
  auto drop = [&store, id = image->id] { return store.discard(id); };
  Result<> dropped = co_await offload(s.context.pool, drop);
  if (!dropped) log_warning("discard the image of a build: " + dropped.error().text());
}

std::vector<builder::BuildSecret> build_secrets(const Json& body) {
  std::vector<builder::BuildSecret> secrets;
  for (const Json& item : body.value("secrets", Json::array())) {
    builder::BuildSecret secret;
    secret.id = string_or(item, "id");
    secret.file = string_or(item, "file");
    if (item.contains("content")) secret.value = string_or(item, "content");
    secrets.push_back(std::move(secret));
  }
  return secrets;
}

// The caller's credentials and network settings, for the duration of the build.
std::unique_ptr<RegistryService::Lease> lend_credentials(Services& s, const Request& request,
                                                         BuildSettings& settings) {
  Caller caller;
  Result<RegistryKeyring> keyring = docker::read_config_header(request.headers.get("X-Registry-Config"));
  if (keyring) caller.keyring = std::move(*keyring);
  caller.proxy = settings.proxy.empty() ? own_proxy_settings() : settings.proxy;
  if (!settings.ca_bundle.empty()) caller.ca_files.push_back(settings.ca_bundle);
  std::unique_ptr<RegistryService::Lease> lease = s.registries.lend(std::move(caller));
  settings.caller = lease->id();
  return lease;
}

Task<> build_image(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  if (body) body = check_shape(std::move(*body), build_body());
  if (!body) {
    response.error(body.error());
    co_return;
  }
  compose::Build section = build_section(*body);
  BuildSettings settings = build_settings_from(body->value("options", Json::object()));
  std::unique_ptr<RegistryService::Lease> lease = lend_credentials(s, request, settings);
  Result<SshAgents> agents = co_await s.builds.open_ssh(section.ssh, settings.ssh_socket);
  Result<builder::BuildRequest> wanted = BuildService::request_of(section, "", settings);
  if (!agents || !wanted) {
    response.error(agents ? wanted.error() : agents.error());
    co_return;
  }
  if (Result<> limits = read_limits(*body, *wanted); !limits) {
    response.error(limits.error());
    co_return;
  }
  std::vector<std::string> attest = body->value("attest", std::vector<std::string>());
  if (Result<> added = builder::add_attestations(wanted->attestations, attest); !added) {
    response.error(added.error());
    co_return;
  }
  wanted->check_only = bool_or(*body, "check");
  Result<std::vector<Reference>> tags = parse_tags(body->value("tags", std::vector<std::string>()));
  if (!tags) {
    response.error(tags.error());
    co_return;
  }
  wanted->tags = std::move(*tags);
  wanted->secrets = build_secrets(*body);
  wanted->ssh = agents->sockets();
  std::stop_source stop;
  auto work = [&s, &stop](builder::BuildRequest build_request, Sink sink) -> Task<> {
    BuildSink lines = [sink](const BuildLine& line) {
      if (!line.text.empty()) sink(build_event("", line));
    };
    auto made = co_await s.builds.build(std::move(build_request), lines, stop.get_token());
    if (made) {
      sink(build_done(*made));
    } else {
      sink({{"event", "error"},
            {"text", made.error().error.text()},
            {"code", 1},
            {"detail", made.error().output}});
    }
  };
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([&stop, queue] {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, work(std::move(*wanted), queue->sink()));
}

}  // namespace

void add_stack_build_routes(http::Router& router, Services& s) {
  router.post("/stack/v1/images/bootstrap",
              [&s](Request& q, Response& r) -> Task<> { co_await bootstrap_image(s, q, r); });
  router.get("/stack/v1/build/output",
             [&s](Request& q, Response& r) -> Task<> { co_await build_output(s, q, r); });
  router.post("/stack/v1/build", [&s](Request& q, Response& r) -> Task<> { co_await build_image(s, q, r); });
}

}  // namespace stack::engine
