--- Search by meaning: the items of the open documents and of the workspace that are about something.
local client = require('fovea.client')
local places = require('fovea.places')

local M = {}

--- A cosine below says that an item has nothing to do with the query.
local NOTHING = 0.1

--- Asks the server; `done` gets what it found, best first, and is not called for nothing.
---@param query string
---@param done fun(title: string, items: fovea.Similar[], encoding: string)
local function ask(query, done)
  local ours = client.get(0) or client.get()
  client.execute('fovea.search', { { query = query, notes = true } }, function(answer)
    answer = type(answer) == 'table' and answer or {}
    -- A server before notes answers with the list alone.
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

--- With a query the answers become the location list, or with `pick` a choice; without one the person is asked for it, and then to
--- choose.
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
