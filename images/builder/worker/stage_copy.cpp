// COPY and ADD.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "images/builder/solver/stage.h"
#include "images/layer/layer_unpack.h"

namespace stack::builder {

namespace {

bool is_heredoc_word(const std::string& word) {
  return word.find("<<") != std::string::npos && word[0] != '/';
}

bool is_remote(const std::string& source) {
  for (const char* scheme : {"http://", "https://", "ftp://", "git://", "ssh://", "git@"})
    if (source.starts_with(scheme)) return true;
  return false;
}

bool names_directory(const std::string& destination) {
  return destination.ends_with('/') || destination.ends_with("/.") || destination == "." ||
         destination == "..";
}

}  // namespace

struct StageBuilder::CopyParts {
  std::vector<std::string> sources;
  std::vector<Heredoc> heredocs;
  std::string destination;
  bool destination_is_directory = false;
  bool add = false;
  bool unpack = true;  // ADD --unpack=false keeps archives as they are
  CopyOptions options;
  OpenedSource from;
  CopyPlan plan;
  std::vector<std::unique_ptr<ExtractedArchive>> archives;
};

struct StageBuilder::ExtractedArchive {
  images::LayerView view;
  CopySource source;
};

// The layers of a stage, by name or number, or of an image.
Result<std::vector<std::string>> StageBuilder::layers_of(const std::string& from,
                                                         std::vector<images::LayerPin>& pins) {
  std::optional<std::string> context = job_.context_of(from);
  std::optional<std::string> named_image = context ? image_of_context(*context) : std::nullopt;
  if (context && !named_image) {
    if (!context->starts_with('/'))
      return unsupported("build context " + from + ": " + *context + " is not supported");
    return std::vector<std::string>{*context};
  }
  if (named_image) return layers_of_image(*named_image, pins);
  // The nearest stage of that name, as in FROM.
  for (auto needed = plan_.needs.rbegin(); needed != plan_.needs.rend(); ++needed) {
    const StagePlan& stage = job_.stages[*needed];
    if (stage.name != lower(from) && std::to_string(*needed) != from) continue;
    StageResult result = job_.results[*needed].get();
    if (!result) return Error(ErrorKind::Cancelled, "stage " + stage.label() + " failed");
    pins = (*result)->layers;
    return (*result)->layer_dirs();
  }
  return layers_of_image(from, pins);
}

Result<std::vector<std::string>> StageBuilder::layers_of_image(const std::string& name,
                                                               std::vector<images::LayerPin>& pins) {
  TRY_ASSIGN(images::Image image, base_image(name));
  TRY_ASSIGN(pins, job_.store.pin_layers(image));
  return image.layer_dirs;
}

Result<> StageBuilder::open_source(const std::string& from, OpenedSource& out) {
  std::vector<std::string> directories;
  if (from.empty()) {
    if (job_.request.context_directory.empty())
      return invalid("the build has no context directory to copy from");
    directories = {job_.request.context_directory};
    out.source.ignore = &job_.ignore;
  } else {
    TRY_ASSIGN(directories, layers_of(from, out.pins));
    // Files of a directory given as a context become root's, those of stages and images keep their owners.
    out.source.keep_owner = !out.pins.empty();
    out.source.digest_prefix = from + ":";
  }
  out.source.digests = job_.digests.get();
  TRY_ASSIGN(images::LayerView view, images::LayerView::open(directories));
  out.view = std::make_unique<images::LayerView>(std::move(view));
  out.source.view = out.view.get();
  return {};
}

Result<bool> StageBuilder::is_archive(const CopyParts& parts, const std::string& pattern) const {
  if (!parts.add || !parts.unpack || has_wildcards(pattern)) return false;
  TRY_ASSIGN(std::optional<images::ViewEntry> entry, parts.from.view->find(pattern, true));
  if (!entry || !S_ISREG(entry->info.st_mode)) return false;
  TRY_ASSIGN(Fd file, parts.from.view->open_entry(*entry, O_RDONLY));
  return images::looks_like_tar(file.get());
}

// The plan of what is copied. Archives stay what they are unless `unpack`: then they are unpacked below
// `scratch`.
Result<> StageBuilder::plan_copy(CopyParts& parts, bool unpack, const std::string& scratch) {
  parts.plan = {};
  size_t heredoc = 0;
  for (const std::string& source : parts.sources) {
    if (heredoc < parts.heredocs.size() && is_heredoc_word(source)) {
      const Heredoc& here = parts.heredocs[heredoc++];
      std::string content = here.content;
      if (here.expand) {
        TRY_ASSIGN(content, expander().heredoc(here.content));
      }
      TRY(plan_inline(here.name, content, parts.options, parts.plan));
      continue;
    }
    TRY_ASSIGN(bool archive, unpack ? is_archive(parts, source) : Result<bool>(false));
    if (!archive) {
      TRY(plan_source(parts.from.source, source, parts.options, parts.plan));
      continue;
    }
    std::string directory = scratch + "/archive-" + std::to_string(parts.archives.size());
    TRY(ensure_directory(directory));
    TRY_ASSIGN(std::optional<images::ViewEntry> entry, parts.from.view->find(source, true));
    TRY_ASSIGN(Fd file, parts.from.view->open_entry(*entry, O_RDONLY));
    TRY_ASSIGN(Fd target, open_file(directory, O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(images::ByteSource bytes, images::open_decompressed(file.get()));
    images::TarReader reader(bytes);
    images::UnpackOptions options;
    options.whiteouts = false;
    TRY(images::unpack_tar(reader, target.get(), options).in(source));
    TRY_ASSIGN(images::LayerView view, images::LayerView::open({directory}));
    auto extracted = std::make_unique<ExtractedArchive>(ExtractedArchive{std::move(view), {}});
    extracted->source.view = &extracted->view;
    extracted->source.keep_owner = true;
    CopyOptions plain = parts.options;
    plain.parents = false;
    TRY(plan_source(extracted->source, "/", plain, parts.plan));
    parts.archives.push_back(std::move(extracted));
  }
  return {};
}

Result<> StageBuilder::copy(const Instruction& instruction) {
  CopyParts parts;
  parts.add = instruction.keyword == "add";
  parts.heredocs = instruction.heredocs;
  TRY_ASSIGN(Flags flags, Flags::parse(instruction, known_flags(instruction.keyword)));
  parts.unpack = flags.value("unpack") != "false";
  if (flags.find("checksum") || flags.is_on("keep-git-dir"))
    return unsupported("ADD of remote files is not supported yet: --checksum and --keep-git-dir have no use");
  std::vector<std::string> words;
  for (const std::string& word : instruction.words) {
    bool heredoc = !instruction.heredocs.empty() && is_heredoc_word(word);
    TRY_ASSIGN(std::string expanded, heredoc ? Result<std::string>(word) : expander().word(word));
    words.push_back(std::move(expanded));
  }
  parts.destination_is_directory = words.size() > 2 || names_directory(words.back());
  parts.destination = absolute_path(config().working_dir.empty() ? "/" : config().working_dir, words.back());
  parts.sources.assign(words.begin(), words.end() - 1);
  for (const std::string& source : parts.sources)
    if (parts.add && is_remote(source))
      return unsupported("ADD " + source + ": remote sources are not supported yet; use RUN curl or wget");
  TRY_ASSIGN(parts.options.mode, expander().word(flags.value("chmod")));
  if (!parts.options.mode.empty()) TRY(changed_mode(parts.options.mode, 0, false));
  parts.options.parents = flags.is_on("parents");
  for (const std::string& pattern : flags.all("exclude")) {
    TRY_ASSIGN(std::string expanded, expander().word(pattern));
    parts.options.exclude.push_back(std::move(expanded));
  }
  TRY_ASSIGN(const images::LayerView* base, view());
  if (std::optional<std::string> chown = flags.find("chown")) {
    TRY_ASSIGN(std::string owner, expander().word(*chown));
    TRY_ASSIGN(parts.options.owner, images::find_owner(*base, owner).in("--chown"));
  }
  TRY_ASSIGN(std::string from, expander().word(flags.value("from")));
  bool only_heredocs = parts.sources.size() == parts.heredocs.size();
  if (!only_heredocs || !from.empty()) TRY(open_source(from, parts.from));
  TRY(plan_copy(parts, false, ""));
  TRY_ASSIGN(std::string digest, digest_plan(parts.plan));
  std::string history = (parts.add ? "ADD " : "COPY ") + join(words, " ");
  return copy_layer(instruction, parts, digest, history, flags.is_on("link"));
}

// With --link the layer is made on nothing: the same wherever it lies, whatever is below it.
Result<> StageBuilder::copy_layer(const Instruction& instruction, CopyParts& parts, const std::string& digest,
                                  const std::string& history, bool link) {
  images::Owner owner = parts.options.owner.value_or(images::Owner{});
  KeyBuilder key(instruction.keyword);
  key.add(link ? "link" : state_->chain)
      .add(digest)
      .add(parts.destination)
      .add(parts.destination_is_directory ? "directory" : "");
  key.add(std::to_string(owner.uid)).add(std::to_string(owner.gid)).add(parts.unpack ? "unpack" : "");
  TRY_ASSIGN(images::LayerView nothing, images::LayerView::open({}));
  TRY_ASSIGN(const images::LayerView* base, view());
  auto make = [&](images::StagedLayer& staged, int) -> Result<> {
    if (parts.add) TRY(plan_copy(parts, true, staged.scratch_directory()));
    CopyTarget target;
    target.base = link ? &nothing : base;
    target.layer = staged.directory();
    target.destination = parts.destination;
    target.destination_is_directory = parts.destination_is_directory;
    target.new_directories = owner;
    return write_plan(parts.plan, target);
  };
  std::string chain = link ? KeyBuilder("linked").add(state_->chain).add(key.hex()).hex() : "";
  return layer_step(instruction, key.hex(), history, make, chain);
}

}  // namespace stack::builder
