// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "evaluation/result_matching.hpp"

#include "base/files.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace fs = std::filesystem;

namespace d2det
{

namespace
{

std::string fileOf(const std::string& path)
{
    return path.substr(path.rfind('/') + 1);
}

std::string stemOf(const std::string& path)
{
    return fs::path(fileOf(path)).stem().string();
}

//! Characters that are equal from the ends on, up to the last whole name.
size_t equalEnd(const std::string& a, const std::string& b)
{
    size_t count = 0, whole = 0;
    while (count < a.size() && count < b.size() && a[a.size() - 1 - count] == b[b.size() - 1 - count])
        if (a[a.size() - 1 - count++] == '/')
            whole = count;
    const auto ended = [&](const std::string& text)
    { return count == text.size() || text[text.size() - 1 - count] == '/'; };
    return ended(a) && ended(b) ? count : whole;
}

}  // namespace

ResultMatcher::ResultMatcher(const Dataset& dataset, const std::string& name, const std::vector<CocoResult>& results)
    : dataset_(dataset)
{
    for (size_t i = 0; i < dataset.images.size(); i++)
    {
        const ImageRecord& image = dataset.images[i];
        byId_.emplace(image.id, i);
        if (!image.idText.empty())
            byIdText_.emplace(image.idText, i);
    }
    for (size_t i = 0; i < dataset.classNames.size(); i++)
        categories_.emplace(dataset.classNames[i], dataset.categoryIds.at(i));
    const bool names =
        std::any_of(results.begin(), results.end(),
                    [](const CocoResult& result) { return !result.fileName.empty() || !result.imageIdText.empty(); });
    if (names || dataset.idsAreMade)
        for (size_t i = 0; i < dataset.images.size(); i++)
        {
            byFile_[fileOf(dataset.images[i].path)].push_back(i);
            byStem_[stemOf(dataset.images[i].path)].push_back(i);
        }
    if (names)
        checkNames(name, results);
    else if (dataset.idsAreMade)
        chooseNumbers(results);
}

//! The image whose path has the longest end in common, of those with the same file name.
std::optional<size_t> ResultMatcher::byName(const std::string& name, int64_t id) const
{
    const std::vector<size_t>* same = nullptr;
    for (const auto& names :
         {std::make_pair(&byFile_, fileOf(name)), {&byStem_, fileOf(name)}, {&byStem_, stemOf(name)}})
        if (const auto found = names.first->find(names.second); !same && found != names.first->end())
            same = &found->second;
    if (!same)
        return std::nullopt;
    const std::string folder = name.substr(0, name.size() - fileOf(name).size());
    std::vector<size_t> best;
    size_t most = 0;
    for (const size_t index : *same)
    {
        const std::string& path = dataset_.images[index].path;
        const size_t equal = equalEnd(folder, path.substr(0, path.size() - fileOf(path).size()));
        if (equal > most)
            best.clear();
        most = std::max(most, equal);
        if (equal == most)
            best.push_back(index);
    }
    if (best.size() == 1)
        return best.front();
    for (const size_t index : best)
        if (dataset_.images[index].id == id)
            return index;
    return std::nullopt;
}

std::optional<size_t> ResultMatcher::byText(const CocoResult& result) const
{
    const auto text = byIdText_.find(result.imageIdText);
    if (text != byIdText_.end())
        return text->second;
    int64_t number = 0;
    const auto id = parseInteger(result.imageIdText, number) ? byId_.find(number) : byId_.end();
    if (id != byId_.end() && !dataset_.idsAreMade)
        return id->second;
    if (const std::optional<size_t> named = byName(withSlashes(result.imageIdText), number))
        return named;
    return id != byId_.end() ? std::optional<size_t>(id->second) : std::nullopt;
}

//! Numbers of file names instead of ids made by the readers.
void ResultMatcher::chooseNumbers(const std::vector<CocoResult>& results)
{
    for (const auto& stem : byStem_)
        if (int64_t number = 0; parseInteger(stem.first, number) && stem.second.size() == 1)
            byNumber_.emplace(number, stem.second.front());
    bool differs = false;
    for (const CocoResult& result : results)
    {
        const auto found = byNumber_.find(result.imageId);
        if (found == byNumber_.end())
        {
            byNumber_.clear();
            return;
        }
        differs = differs || dataset_.images[found->second].id != result.imageId;
    }
    if (differs)
        notes_.push_back("results matched by the numbers in the file names of the images");
}

void ResultMatcher::checkNames(const std::string& name, const std::vector<CocoResult>& results)
{
    std::string unknownFile, unknownCategory;
    bool anyFile = false, anyCategory = false, differs = false;
    for (const CocoResult& result : results)
    {
        if (!result.fileName.empty())
        {
            const std::optional<size_t> image = imageOf(result);
            anyFile = anyFile || image.has_value();
            if (!image && unknownFile.empty())
                unknownFile = result.fileName;
            differs = differs || (image && result.imageIdText.empty() && dataset_.images[*image].id != result.imageId);
        }
        if (!result.categoryName.empty())
        {
            const bool known = categories_.count(result.categoryName) > 0;
            anyCategory = anyCategory || known;
            if (!known && unknownCategory.empty())
                unknownCategory = result.categoryName;
        }
    }
    if (!unknownFile.empty() && !anyFile)
        throw std::runtime_error(name + ": none of its images (" + inQuotes(unknownFile) +
                                 ", ...) is one of the annotations; does the file belong to these annotations? Without "
                                 "\"file_name\" results are matched by \"image_id\"");
    if (!unknownCategory.empty() && !anyCategory)
        throw std::runtime_error(name + ": none of its classes (" + inQuotes(unknownCategory) +
                                 ", ...) is one of the annotations (" + inQuotes(dataset_.classNames.front()) +
                                 ", ...); does the file belong to these annotations? Without \"category_name\" results "
                                 "are matched by \"category_id\"");
    if (differs)
        notes_.push_back("results matched by file name: their image ids are not those of the annotations");
}

std::optional<size_t> ResultMatcher::imageOf(const CocoResult& result)
{
    if (!result.fileName.empty())
    {
        const auto inserted = known_.emplace(result.fileName, std::nullopt);
        if (inserted.second)
            inserted.first->second = byName(result.fileName, result.imageId);
        return inserted.first->second;
    }
    if (!result.imageIdText.empty())
        return byText(result);
    const std::unordered_map<int64_t, size_t>& numbers = byNumber_.empty() ? byId_ : byNumber_;
    const auto found = numbers.find(result.imageId);
    return found == numbers.end() ? std::nullopt : std::optional<size_t>(found->second);
}

std::optional<int64_t> ResultMatcher::categoryOf(const CocoResult& result) const
{
    if (result.categoryName.empty())
        return result.categoryId;
    const auto found = categories_.find(result.categoryName);
    return found == categories_.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

bool ResultMatcher::isRun(const std::vector<CocoResult>& results) const
{
    std::unordered_map<int64_t, std::string> files;
    int64_t last = 0;
    bool differs = false;
    for (const CocoResult& result : results)
    {
        const auto known = known_.find(result.fileName);
        if (result.fileName.empty() || !result.imageIdText.empty() || result.imageId < 1 || known == known_.end() ||
            files.emplace(result.imageId, result.fileName).first->second != result.fileName)
            return false;
        last = std::max(last, result.imageId);
        differs = differs || !known->second || dataset_.images[*known->second].id != result.imageId;
    }
    return differs && last == static_cast<int64_t>(files.size()) && files.size() == known_.size();
}

}  // namespace d2det
