#include "engine/api/image_changes.h"

#include <algorithm>

#include "base/text.h"

namespace stack::engine {

namespace {

// The instructions that Docker allows; none runs a command.
Result<> check_change(const std::string& change) {
  static const std::vector<std::string> kAllowed{"CMD",         "ENTRYPOINT", "ENV",     "EXPOSE",
                                                 "HEALTHCHECK", "LABEL",      "ONBUILD", "STOPSIGNAL",
                                                 "USER",        "VOLUME",     "WORKDIR"};
  std::string keyword(trim(change).substr(0, trim(change).find_first_of(" \t")));
  std::string upper = keyword;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (std::find(kAllowed.begin(), kAllowed.end(), upper) != kAllowed.end()) return {};
  return invalid(keyword + " is not a valid change command");
}

}  // namespace

Result<std::vector<std::string>> changes_of(const http::Request& request) {
  std::vector<std::string> changes;
  for (const std::string& value : request.query.all("changes"))
    for (const std::string& line : split(value, '\n'))
      if (!trim(line).empty()) changes.push_back(line);
  for (const std::string& change : changes) TRY(check_change(change));
  return changes;
}

Result<std::vector<Reference>> tags_of(const http::Request& request) {
  std::string repository = request.query.get("repo");
  std::string tag = request.query.get("tag");
  std::vector<Reference> tags;
  if (repository.empty()) return tags;
  TRY_ASSIGN(Reference reference, parse_reference(repository + (tag.empty() ? "" : ":" + tag)));
  tags.push_back(std::move(reference));
  return tags;
}

// Builds only the changes, on top of the image.
Task<Result<std::string>> apply_changes(Services& s, std::string image, std::vector<std::string> changes,
                                        std::vector<Reference> tags) {
  builder::BuildRequest request;
  request.dockerfile_inline = "FROM " + image + "\n" + join(changes, "\n") + "\n";
  request.tags = std::move(tags);
  auto made = co_await s.builds.build(std::move(request), [](const BuildLine&) {}, {});
  if (!made) co_return made.error().error;
  co_return made->image_id;
}

Task<Result<std::string>> keep_origin(Services& s, std::string image, images::ImageOrigin origin,
                                      std::vector<Reference> tags) {
  auto work = [&store = s.containers.parts().images, image, origin, tags]() -> Result<std::string> {
    TRY_ASSIGN(images::Image plain, store.resolve(image));
    TRY_ASSIGN(std::vector<images::LayerPin> pins, store.pin_layers(plain));
    TRY_ASSIGN(images::Image made,
               store.create_image_from(images::with_origin(plain.config_json, origin), tags));
    if (plain.repo_tags.empty()) TRY(store.discard(plain.id));
    return made.id;
  };
  co_return co_await offload(s.context.pool, std::move(work));
}

}  // namespace stack::engine
