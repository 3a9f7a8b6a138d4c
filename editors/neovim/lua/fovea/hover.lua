--- Hover for Neovim 0.10, which shows the answer of only one server. From 0.11 on Neovim shows all answers under headings.
local M = {}

local method = 'textDocument/hover'

function M.hover()
  if vim.fn.has('nvim-0.11') == 1 then
    vim.lsp.buf.hover()
    return
  end
  local bufnr = vim.api.nvim_get_current_buf()
  -- 0.10 uses utf-16 with every server, so one position is correct for all.
  local params = vim.lsp.util.make_position_params(0, 'utf-16')
  vim.lsp.buf_request_all(bufnr, method, params, function(answers)
    if vim.api.nvim_get_current_buf() ~= bufnr then
      return
    end
    local found = {}
    for id, answer in pairs(answers) do
      local contents = answer.result and answer.result.contents
      local lines = contents and vim.lsp.util.convert_input_to_markdown_lines(contents) or {}
      if #lines > 0 then
        local client = vim.lsp.get_client_by_id(id)
        table.insert(found, { name = client and client.name or '?', id = id, lines = lines })
      end
    end
    if #found == 0 then
      vim.notify('No information available')
      return
    end
    -- The primary server usually starts first.
    table.sort(found, function(a, b)
      return a.id < b.id
    end)
    local all = {}
    for i, part in ipairs(found) do
      if #found > 1 then
        vim.list_extend(all, i > 1 and { '---', '# ' .. part.name } or { '# ' .. part.name })
      end
      vim.list_extend(all, part.lines)
    end
    vim.lsp.util.open_floating_preview(all, 'markdown', { focus_id = method })
  end)
end

--- Makes K show the answers of all servers in 0.10, unless the user mapped K.
---@param bufnr integer
function M.attach(bufnr)
  if vim.fn.has('nvim-0.11') == 1 then
    return
  end
  -- Neovim maps K after the first client's on_attach.
  vim.schedule(function()
    if not vim.api.nvim_buf_is_loaded(bufnr) then
      return
    end
    for _, map in ipairs(vim.api.nvim_buf_get_keymap(bufnr, 'n')) do
      if map.lhs == 'K' and map.desc == 'vim.lsp.buf.hover()' then
        vim.keymap.set('n', 'K', M.hover, { buffer = bufnr, desc = 'Hover of all servers' })
      end
    end
  end)
end

return M
