--- The class that the user's probe gives an item: which words decided, and a better label if it is wrong.
local client = require('fovea.client')

local M = {}

--- The number of words that the window lists.
local NAMED = 12

---@class fovea.Class
---@field label string
---@field probability number

--- The lines of an answer: the classes, then the words that decided.
---@param answer table
---@return string[]
function M.lines(answer)
  local lines = {}
  for _, class in ipairs(answer.classes) do
    table.insert(lines, ('%5.1f %%  %s'):format(100 * class.probability, class.label))
  end
  table.insert(lines, '')
  table.insert(lines, ('why %s: logit %+.3f'):format(answer.label, answer.value))
  local words = vim.deepcopy(answer.words)
  table.sort(words, function(a, b)
    return math.abs(a.score) > math.abs(b.score)
  end)
  for _, word in ipairs(vim.list_slice(words, 1, NAMED)) do
    table.insert(lines, ('  %+.3f  %s'):format(word.score, word.text))
  end
  table.insert(lines, ('  special tokens %+.3f, biases %+.3f'):format(answer.special, answer.bias))
  return lines
end

--- Adds the right label of the item at a position, and trains the probe again.
---@param argument { uri: string, position: lsp.Position }
---@param label string
function M.relabel(argument, label)
  client.execute('fovea.relabel', { { uri = argument.uri, position = argument.position, label = label } }, function(answer)
    vim.notify(('Fovea: learned from %d labels; %.0f %% are right'):format(answer.items, 100 * answer.accuracy))
  end)
end

--- Shows the words that decided in a small window, or lets the user choose the right label.
---@param argument { uri: string, position: lsp.Position }
---@param wrong? boolean asks for the right label
function M.ask(argument, wrong)
  client.execute('fovea.classify', { argument }, function(answer)
    if type(answer) ~= 'table' then
      return
    end
    if not wrong then
      vim.lsp.util.open_floating_preview(M.lines(answer), '', { border = 'rounded', focus_id = 'fovea-classify', title = answer.name })
      return
    end
    local labels = vim.tbl_map(function(class)
      return class.label
    end, answer.classes)
    vim.ui.select(labels, { prompt = ('The right label of %s'):format(answer.name), kind = 'fovea' }, function(choice)
      if choice then
        M.relabel(argument, choice)
      end
    end)
  end)
end

--- The item at the cursor.
---@return { uri: string, position: lsp.Position }
function M.here()
  local ours = client.get(0) or client.get()
  local made = vim.lsp.util.make_position_params(0, ours and ours.offset_encoding or 'utf-16')
  return { uri = made.textDocument.uri, position = made.position }
end

--- The command behind a lens and a code action.
---@param command lsp.Command
function M.run(command)
  local argument = (command.arguments or {})[1]
  if argument then
    M.ask(argument)
  end
end

return M
