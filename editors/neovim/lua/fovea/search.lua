--- Search by meaning in the items of the open documents and of the workspace.
local client = require('fovea.client')
local places = require('fovea.places')

local M = {}

--- Items with a smaller cosine are unrelated to the query.
local NOTHING = 0.1

--- Asks the server; `done` gets the found items, best first, and is not called if there are none.
---@param query string
---@param done fun(title: string, items: fovea.Similar[], encoding: string)
local function ask(query, done)
  local ours = client.get(0) or client.get()
  client.execute('fovea.search', { { query = query, notes = true } }, function(answer)
    answer = type(answer) == 'table' and answer or {}
    -- A server that does not know notes answers with only the list.
    local items = answer.items or answer
    for _, note in ipairs(answer.notes or {}) do
      vim.notify('Fovea: ' .. note)
    end
    items = vim.tbl_filter(function(item)
      return item.score >= NOTHING
    end, items)
    if not ours or #items == 0 then
      local index = (require('fovea.status').get() or {}).index
      local busy = index and index.state == 'indexing'
      vim.notify('Fovea: nothing found' .. (busy and ' yet: the folder is being indexed' or ''))
      return
    end
    done('About ' .. query, items, ours.offset_encoding)
  end)
end

--- With a query, the answers become the location list, or a choice with `pick`. Without a query, the user enters one and then chooses.
---@param query string
---@param pick boolean
function M.run(query, pick)
  if vim.trim(query) ~= '' then
    ask(vim.trim(query), function(title, items, encoding)
      if pick then
        places.list(title, items, encoding)
        places.choose(title, items, encoding)
      else
        places.list(title, items, encoding, true)
      end
    end)
    return
  end
  vim.ui.input({ prompt = 'Search by meaning: ' }, function(typed)
    if typed and vim.trim(typed) ~= '' then
      M.run(typed, true)
    end
  end)
end

return M
